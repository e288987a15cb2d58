//! What the fuzz targets share. Each target takes arbitrary bytes and panics where something holds no more that always must.

#[path = "../../common/mod.rs"]
pub mod common;
pub mod memory;
pub mod scene;

use common::{LINUX, Random, Sizes, play};
use picoqga::command::Table;
use picoqga::guest::Guest;
use picoqga::transport::fake::Piece;

/// Buffers so small that most limits are met.
pub const SMALL: Sizes =
    Sizes { input: 16, output: 1024, request: 1024, scratch: 256, id: 64, token: 64, keys: 16, nesting: 4 };

/// The number that the first eight bytes are, from which what is random is derived, and the rest. Never 0.
pub fn seed(data: &[u8]) -> Option<(u64, &[u8])> {
    let (seed, rest) = data.split_first_chunk()?;
    Some((u64::from_ne_bytes(*seed) | 1, rest))
}

/// Sends `bytes` to a new agent in one piece and in others, and answers what it said, which must be the same; and the guests
/// as they are then.
///
/// Whatever the bytes are: each line said is a reply, and once they are over, 0xFF and a ping are answered as ever.
pub fn converse<G: Guest>(
    table: &'static Table<G>,
    guest: impl Fn() -> G,
    seed: u64,
    bytes: &[u8],
) -> (Vec<u8>, [G; 2]) {
    const PING: &[u8] = b"\xff{\"execute\": \"guest-ping\", \"id\": \"at the end\"}\n";
    let sizes = if seed & 2 == 0 { LINUX } else { SMALL };
    let (mut whole, mut pieces) = (guest(), guest());
    let said = play(table, &mut whole, sizes, &[Piece::Bytes(bytes), Piece::Pause, Piece::Bytes(PING)]);
    let mut script = Random(seed).cut(bytes);
    script.extend(PING.iter().map(|byte| Piece::Bytes(std::slice::from_ref(byte))));
    let said_to_pieces = play(table, &mut pieces, sizes, &script);
    assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(&said_to_pieces), "in one piece, and in others");
    assert!(said.ends_with(b"{\"return\": {}, \"id\": \"at the end\"}\n"), "{}", String::from_utf8_lossy(&said));
    for line in said.split_inclusive(|&byte| byte == b'\n') {
        check_reply(line);
    }
    (said, [whole, pieces])
}

/// A reply is a line of ASCII: an object with `return` or `error`, which may have an `id`, behind 0xFF perhaps.
pub fn check_reply(line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    let reply = parse(line).unwrap_or_else(|error| panic!("{error}: {text}"));
    let members = reply.as_object().unwrap_or_else(|| panic!("not an object: {text}"));
    assert!(members.contains_key("return") != members.contains_key("error"), "{text}");
    if let Some(error) = members.get("error") {
        let class = error["class"].as_str();
        assert!(matches!(class, Some("GenericError" | "CommandNotFound")), "{text}");
        assert!(error["desc"].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    assert!(members.keys().all(|name| matches!(name.as_str(), "return" | "error" | "id")), "{text}");
}

/// As [`check_reply`], of a reply that may have broken off where there was no room for the next piece of a list: then it is
/// the beginning of one.
pub fn check_reply_or_its_beginning(line: &[u8]) {
    match parse(line) {
        Err(error) if error.is_eof() => {
            assert!(line.starts_with(b"{\"return\": "), "{}", String::from_utf8_lossy(line))
        }
        _ => check_reply(line),
    }
}

fn parse(line: &[u8]) -> serde_json::Result<serde_json::Value> {
    let text = String::from_utf8_lossy(line);
    let line = line.strip_prefix(b"\xff").unwrap_or(line);
    let line = line.strip_suffix(b"\n").unwrap_or_else(|| panic!("no line feed at the end of {text}"));
    assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)), "not printable ASCII: {text}");
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    deserializer.disable_recursion_limit();
    let reply = serde::Deserialize::deserialize(&mut deserializer)?;
    deserializer.end().map(|()| reply)
}
