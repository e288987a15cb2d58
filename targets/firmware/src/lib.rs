//! A guest agent for a test rig without an operating system: copy this and make it yours.
//!
//! The board below has a clock and a lamp. Its table takes five commands from picoqga and adds `rig-set-lamp`. All the
//! agent's buffers together are 8 KiB ([`BUFFER_BYTES`]); [`Memory`] is meant to be a static of yours.

#![no_std]

use picoqga::agent::{Agent, Buffers, Progress};
use picoqga::command::{self, Context, Done, Handler, Reply, Row, Table};
use picoqga::errno::Errno;
use picoqga::error::Error;
use picoqga::guest::{Clock, Guest};
use picoqga::request::{Key, Storage};
use picoqga::transport::Transport;

/// The board: what the commands work on.
#[derive(Debug, Default)]
pub struct Board {
    /// Nanoseconds since 1970, set by the timer of a real board.
    pub time_ns: i64,
    /// Whether the lamp is lit.
    pub lamp: bool,
}

impl Guest for Board {}

impl Clock for Board {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        Ok(self.time_ns)
    }
}

picoqga::arguments! {
    /// `rig-set-lamp`.
    pub struct SetLampArguments {
        /// Whether the lamp is to be lit.
        "lit" => lit: bool,
    }
}

/// `rig-set-lamp`: lights the lamp or puts it out; returns how it was.
#[derive(Debug)]
pub struct SetLamp;

impl Handler<Board> for SetLamp {
    const NAME: &'static str = "rig-set-lamp";
    type Arguments<'a> = SetLampArguments;

    fn run<'a>(
        arguments: SetLampArguments,
        context: Context<'a, Board>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let was_lit = core::mem::replace(&mut context.guest.lamp, arguments.lit);
        Ok(reply.object(|object| object.member("was-lit").boolean(was_lit)))
    }
}

/// The commands of this rig.
pub static TABLE: Table<Board> = Table::new(&[
    Row::of::<command::get_time::GetTime>(),
    Row::of::<command::info::Info>(),
    Row::of::<command::ping::Ping>(),
    Row::of::<command::sync::Sync>(),
    Row::of::<command::sync_delimited::SyncDelimited>(),
    Row::of::<SetLamp>(),
]);

/// What all buffers may come to.
pub const BUFFER_BYTES: usize = 8 * 1024;

/// The buffers.
#[derive(Debug)]
pub struct Memory {
    input: [u8; 256],
    output: [u8; 2048],
    request: [u8; 5120],
    id: [u8; 256],
    token: [u8; 128],
    keys: [Key; 24],
    nesting: [u8; 4],
}

const _: () = assert!(size_of::<Memory>() <= BUFFER_BYTES);

impl Memory {
    /// Empty buffers.
    pub const fn new() -> Self {
        Memory {
            input: [0; 256],
            output: [0; 2048],
            request: [0; 5120],
            id: [0; 256],
            token: [0; 128],
            keys: [Key::NONE; 24],
            nesting: [0; 4],
        }
    }

    /// An agent that works in them.
    pub fn agent(&mut self) -> Agent<'_, Board> {
        let request = Storage {
            request: &mut self.request,
            scratch_bytes: 1024,
            id: &mut self.id,
            token: &mut self.token,
            keys: &mut self.keys,
            nesting: &mut self.nesting,
        };
        Agent::new(&TABLE, Buffers { input: &mut self.input, output: &mut self.output, request })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Works until there is nothing to do before the line is ready again. Call it when a byte came, when one can be sent, or
/// from an idle loop.
///
/// # Errors
/// The line is gone; what was under way has been dropped.
pub fn poll<T: Transport>(agent: &mut Agent<'_, Board>, line: &mut T, board: &mut Board) -> Result<(), T::Error> {
    loop {
        match agent.step(line, board) {
            Ok(Progress::Again) => {}
            Ok(Progress::Wait { .. }) => return Ok(()),
            Ok(Progress::Ended) => {
                agent.hang_up(board);
                return Ok(());
            }
            Err(error) => {
                agent.hang_up(board);
                return Err(error);
            }
        }
    }
}
