//! What is left of a password in the agent's buffers: nothing, however its request ends.
#![cfg(feature = "accounts")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

mod common;

use common::{Random, Sizes, with_agent};
use picoqga::agent::Progress;
use picoqga::command::{Row, Table, ping, set_user_password, sync};
use picoqga::errno::Errno;
use picoqga::guest::{Guest, Password, PasswordError, Passwords};
use picoqga::transport::fake::Piece;

static TABLE: Table<Board> =
    Table::new(&[Row::of::<ping::Ping>(), Row::of::<set_user_password::SetUserPassword>(), Row::of::<sync::Sync>()]);

/// What a platform was asked to set.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    user: Vec<u8>,
    password: Vec<u8>,
    crypted: bool,
}

/// A platform that remembers what it was asked, makes a mess of its scratch room, and answers what it is told to.
struct Board {
    asked: Vec<Asked>,
    answer: Result<(), PasswordError>,
}

impl Default for Board {
    fn default() -> Self {
        Board { asked: Vec::new(), answer: Ok(()) }
    }
}

impl Guest for Board {}

impl Passwords for Board {
    fn set_password(&mut self, user: &[u8], password: Password<'_>, buffer: &mut [u8]) -> Result<(), PasswordError> {
        let (text, crypted) = match password {
            Password::Raw(text) => (text, false),
            Password::Crypted(text) => (text, true),
        };
        for (to, from) in buffer.iter_mut().zip(text.iter().cycle()) {
            *to = *from;
        }
        self.asked.push(Asked { user: user.to_vec(), password: text.to_vec(), crypted });
        self.answer
    }
}

const SIZES: Sizes =
    Sizes { input: 600, output: 4096, request: 8192, scratch: 2048, id: 64, token: 64, keys: 32, nesting: 8 };

const PASSWORD: &str = "correct horse battery";
const BASE64: &str = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5";

fn request(user: &str, password: &str) -> String {
    let arguments = format!(r#"{{"username":"{user}","password":"{password}","crypted":false}}"#);
    format!(r#"{{"execute":"guest-set-user-password","arguments":{arguments}}}"#)
}

/// Plays a script; answers what was said, and all that is left in the buffers.
fn play(board: &mut Board, sizes: Sizes, script: &[Piece<'_>]) -> (String, Vec<u8>) {
    play_up_to(usize::MAX, board, sizes, script)
}

/// As [`play`]; the line ends after that many steps.
fn play_up_to(steps: usize, board: &mut Board, sizes: Sizes, script: &[Piece<'_>]) -> (String, Vec<u8>) {
    let (said, left) = with_agent(&TABLE, sizes, script, |agent, transport| {
        for _ in 0..steps {
            match agent.step(transport, board).unwrap() {
                Progress::Again => {}
                Progress::Ended => agent.hang_up(board),
                Progress::Wait { .. } if transport.is_over() => return,
                Progress::Wait { .. } => {}
            }
        }
        agent.hang_up(board);
    });
    (String::from_utf8(said).unwrap(), left)
}

/// Whether bytes hold a piece of the password, in any form.
fn leaks(bytes: &[u8]) -> bool {
    [&PASSWORD.as_bytes()[..8], &PASSWORD.as_bytes()[12..], &BASE64.as_bytes()[..8], &BASE64.as_bytes()[16..]]
        .iter()
        .any(|piece| bytes.windows(piece.len()).any(|window| window == *piece))
}

#[test]
fn a_request_that_is_not_complete_is_found() {
    let half = request("root", BASE64);
    let (_, left) = play(&mut Board::default(), SIZES, &[Piece::Bytes(&half.as_bytes()[..half.len() - 1])]);
    assert!(leaks(&left), "this test can not see what it looks for");
}

#[test]
fn nothing_is_left_however_it_ends() {
    let good = request("root", BASE64);
    let escaped = BASE64.replace('Y', "\\u0059");
    let long = "x".repeat(300);
    for (name, text, answer, calls) in [
        ("done", good.clone(), Ok(()), 1),
        ("unknown user", good.clone(), Err(PasswordError::UnknownUser), 1),
        ("failed", good.clone(), Err(PasswordError::System("cannot open", "x", Errno::EIO)), 1),
        ("escaped", request("root", &escaped), Ok(()), 1),
        ("with an id", format!(r#"{},"id":[1,{{"a":"b"}}]}}"#, good.strip_suffix('}').unwrap()), Ok(()), 1),
        ("a bad name", request("a:b", BASE64), Ok(()), 0),
        ("a long name", request(&long, BASE64), Ok(()), 0),
        ("bad base64", request("root", &format!("{BASE64}*")), Ok(()), 0),
        ("a long password", request("root", &BASE64.repeat(40)), Ok(()), 0),
        ("more than fits", request("root", &BASE64.repeat(400)), Ok(()), 0),
        ("a stranger", good.replace("crypted", "cripted"), Ok(()), 0),
        ("another command", good.replace("guest-set-user-password", "guest-set-user-pass"), Ok(()), 0),
        ("another type", good.replace("false", "0"), Ok(()), 0),
        ("no JSON", good.replace("false", "nothing"), Ok(()), 0),
        ("twice", good.replace("crypted", "password"), Ok(()), 0),
        ("a stray byte", good.replace("false", "\u{1}"), Ok(()), 0),
        ("a stray byte in it", request("root", &format!("{BASE64}\u{1}")), Ok(()), 0),
        ("no object", format!(r#"["{BASE64}"]"#), Ok(()), 0),
        ("a bare string", format!(r#""{BASE64}""#), Ok(()), 0),
    ] {
        for seed in 0..20 {
            let mut board = Board { answer, ..Board::default() };
            // In pieces, after and before other requests.
            let around = r#"{"execute":"guest-sync","arguments":{"id":7}}"#;
            let all = format!("{around}{text}{around}");
            let script = if seed == 0 { vec![Piece::Bytes(all.as_bytes())] } else { Random(seed).cut(all.as_bytes()) };
            let (said, left) = play(&mut board, SIZES, &script);
            assert!(!leaks(&left), "{name}, seed {seed}: {:?}", String::from_utf8_lossy(&left));
            assert!(said.ends_with("{\"return\": 7}\n"), "{name}: {said}");
            assert_eq!(board.asked.len(), calls, "{name}: {said}");
            assert_eq!(
                said.matches("\"return\"").count(),
                if answer.is_ok() { 2 + calls } else { 2 },
                "{name}: {said}"
            );
            for asked in board.asked {
                assert_eq!(asked, Asked { user: b"root".to_vec(), password: PASSWORD.into(), crypted: false });
            }
        }
    }
}

#[test]
fn nothing_is_left_of_a_half_request_whose_host_is_gone() {
    let good = request("root", BASE64);
    for end in 1..good.len() {
        let script = [Piece::Bytes(&good.as_bytes()[..end]), Piece::HangUp, Piece::Bytes(b"{'execute':'guest-ping'}")];
        let (said, left) = play(&mut Board::default(), SIZES, &script);
        assert_eq!(said, "{\"return\": {}}\n");
        assert!(!leaks(&left), "cut at {end}: {:?}", String::from_utf8_lossy(&left));
    }
}

#[test]
fn nothing_is_left_of_replies_that_nobody_read() {
    let stray = request("root", &format!("{BASE64}\u{1}"));
    for steps in 0..20 {
        let (_, left) = play_up_to(steps, &mut Board::default(), SIZES, &[Piece::Bytes(stray.as_bytes())]);
        assert!(!leaks(&left), "after {steps} steps: {:?}", String::from_utf8_lossy(&left));
    }
}

#[test]
fn passwords_arrive_as_they_are_up_to_the_limit() {
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    for length in [0, 1, 2, 3, 4, 5, 100, 510, 511, 512, 513] {
        let password: Vec<u8> = (0..length).map(|number| u8::try_from(number % 200 + 11).unwrap()).collect();
        let mut board = Board::default();
        let (said, _) = play(&mut board, SIZES, &[Piece::Bytes(request("root", &encode(&password)).as_bytes())]);
        if length <= 511 {
            assert_eq!(said, "{\"return\": {}}\n");
            assert_eq!(board.asked, [Asked { user: b"root".to_vec(), password, crypted: false }]);
        } else {
            let text = format!("the password is too long: {length} bytes, and at most 511 are taken");
            assert_eq!(said, format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{text}\"}}}}\n"));
        }
    }
}

#[test]
fn a_rig_with_too_little_room_says_so() {
    let sizes = Sizes { request: 1024, scratch: 256, ..SIZES };
    let (said, left) = play(&mut Board::default(), sizes, &[Piece::Bytes(request("root", BASE64).as_bytes())]);
    assert!(said.contains("the password is too long: 21 bytes, and at most 0 are taken"), "{said}");
    assert!(!leaks(&left));
}
