//! What the tests share: an agent with buffers of a given size, and a loop that plays a script to it.
#![allow(dead_code)] // each test uses its part

use picoqga::agent::{Agent, Buffers, Progress};
use picoqga::command::Table;
use picoqga::guest::Guest;
use picoqga::request::{Key, Storage};
use picoqga::transport::fake::{Piece, Scripted};

/// The sizes of an agent's buffers, in bytes and entries.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub input: usize,
    pub output: usize,
    pub request: usize,
    pub scratch: usize,
    pub id: usize,
    pub token: usize,
    pub keys: usize,
    pub nesting: usize,
}

/// The sizes of the Linux binary.
pub const LINUX: Sizes = {
    use picoqga::limits::{NESTING, TOKEN_TEXT_BYTES, linux};
    Sizes {
        input: linux::INPUT_BYTES,
        output: linux::OUTPUT_BYTES,
        request: linux::REQUEST_BYTES,
        scratch: linux::SCRATCH_BYTES,
        id: linux::ID_BYTES,
        token: TOKEN_TEXT_BYTES,
        keys: linux::KEYS,
        nesting: NESTING / 8,
    }
};

/// Plays `script` to a new agent and answers all it said.
pub fn play<G: Guest>(table: &'static Table<G>, guest: &mut G, sizes: Sizes, script: &[Piece<'_>]) -> Vec<u8> {
    play_with(table, guest, sizes, script, |_, _| {})
}

/// As [`play`]; `each_step` is called after each step of the agent.
pub fn play_with<G: Guest>(
    table: &'static Table<G>,
    guest: &mut G,
    sizes: Sizes,
    script: &[Piece<'_>],
    mut each_step: impl FnMut(&mut G, &mut Scripted<'_>),
) -> Vec<u8> {
    play_until(table, guest, sizes, script, |guest, transport| {
        each_step(guest, transport);
        Then::GoOn
    })
}

/// What happens after a step of the agent.
pub enum Then {
    GoOn,
    /// The host reads no more.
    NobodyReads,
    /// The line breaks, and nothing more is played.
    LineBreaks,
}

/// As [`play_with`]; `each_step` says how it goes on.
pub fn play_until<G: Guest>(
    table: &'static Table<G>,
    guest: &mut G,
    sizes: Sizes,
    script: &[Piece<'_>],
    mut each_step: impl FnMut(&mut G, &mut Scripted<'_>) -> Then,
) -> Vec<u8> {
    let (said, _) = with_agent(table, sizes, script, |agent, transport| {
        loop {
            match agent.step(transport, guest) {
                Ok(Progress::Again) => {}
                Ok(Progress::Ended) => agent.hang_up(guest),
                Ok(Progress::Wait { .. }) if transport.is_over() => break,
                Ok(Progress::Wait { .. }) => {}
                Err(error) => panic!("the line broke: {error:?}"),
            }
            match each_step(guest, transport) {
                Then::GoOn => {}
                Then::NobodyReads => agent.discard_replies(),
                Then::LineBreaks => {
                    agent.hang_up(guest);
                    break;
                }
            }
        }
    });
    said
}

/// Lets `play` do what it wants with a new agent and a line that plays `script`. Answers all that the agent said, and what
/// is left in its buffers.
pub fn with_agent<G: Guest>(
    table: &'static Table<G>,
    sizes: Sizes,
    script: &[Piece<'_>],
    play: impl FnOnce(&mut Agent<'_, G>, &mut Scripted<'_>),
) -> (Vec<u8>, Vec<u8>) {
    let (mut input, mut output) = (vec![0; sizes.input], vec![0; sizes.output]);
    let (mut request, mut id, mut token) = (vec![0; sizes.request], vec![0; sizes.id], vec![0; sizes.token]);
    let (mut keys, mut nesting) = (vec![Key::NONE; sizes.keys], vec![0; sizes.nesting]);
    let buffers = Buffers {
        input: &mut input,
        output: &mut output,
        request: Storage {
            request: &mut request,
            scratch_bytes: sizes.scratch,
            id: &mut id,
            token: &mut token,
            keys: &mut keys,
            nesting: &mut nesting,
        },
    };
    assert!(buffers.are_enough());
    let mut said = vec![0; 80 << 20];
    let mut transport = Scripted::new(script, &mut said);
    play(&mut Agent::new(table, buffers), &mut transport);
    let said = transport.output().to_vec();
    (said, [input, output, request, token].concat())
}

/// A small generator of random numbers (xorshift64), so that a failure can be repeated from its seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    /// Cuts `bytes` into pieces of random length, with pauses between some.
    pub fn cut<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<Piece<'b>> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let most = [1, 3, 17, 200][self.below(4)];
            let (piece, rest) = bytes.split_at((self.below(most) + 1).min(bytes.len()));
            pieces.push(Piece::Bytes(piece));
            if self.below(3) == 0 {
                pieces.push(Piece::Pause);
            }
            bytes = rest;
        }
        pieces
    }
}
