//! The rig of targets/firmware/src/lib.rs, as it is built for a board, played to by a script.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // of a test

use picoqga::transport::fake::{Piece, Scripted};
use picoqga_firmware::{Board, Memory, poll};

fn say(pieces: &[Piece<'_>], board: &mut Board) -> String {
    let mut memory = Memory::new();
    let mut agent = memory.agent();
    let mut output = [0; 1 << 16];
    let mut line = Scripted::new(pieces, &mut output);
    while !line.is_over() {
        poll(&mut agent, &mut line, board).unwrap();
    }
    poll(&mut agent, &mut line, board).unwrap();
    String::from_utf8_lossy(line.output()).into_owned()
}

#[test]
fn commands_of_the_library_and_of_the_rig() {
    let requests = br#"{"execute":"guest-sync","arguments":{"id":7}}
        {"execute":"guest-get-time"}
        {"id":[1,{"x":"\u00e9"}],"arguments":{"lit":true},"execute":"rig-set-lamp"}
        {"execute":"rig-set-lamp","arguments":{"lit":1}}
        {"execute":"guest-file-open","arguments":{"path":"/x"}}"#;
    let replies = concat!(
        "{\"return\": 7}\n",
        "{\"return\": 1700000000000000000}\n",
        "{\"return\": {\"was-lit\": false}, \"id\": [1, {\"x\": \"\\u00E9\"}]}\n",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Invalid parameter type for 'lit', expected: boolean\"}}\n",
        "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command guest-file-open has not been found\"}}\n",
    );
    let bytes: Vec<_> = requests.chunks(1).map(Piece::Bytes).collect();
    for pieces in [&[Piece::Bytes(requests)][..], &bytes] {
        let mut board = Board { time_ns: 1_700_000_000_000_000_000, lamp: false };
        assert_eq!(say(pieces, &mut board), replies);
        assert!(board.lamp);
    }
}

#[test]
fn info_lists_this_table_and_no_other() {
    let info = say(&[Piece::Bytes(b"{\"execute\":\"guest-info\"}")], &mut Board::default());
    assert_eq!(info.matches("success-response").count(), 6);
    assert!(info.contains("\"name\": \"rig-set-lamp\"") && !info.contains("guest-file-"), "{info}");
}

#[test]
fn what_is_too_long_is_refused_with_its_limit_and_the_next_request_is_answered() {
    let long = format!("{{\"execute\":\"guest-ping\",\"arguments\":{{\"x\":\"{}\"}},\"id\":5}}", "y".repeat(100_000));
    let deep = "[".repeat(33) + &"]".repeat(33);
    let keys: Vec<_> = (0..40).map(|key| format!("\"k{key}\":0")).collect();
    let id = format!("{{\"execute\":\"guest-ping\",\"id\":\"{}\"}}", "z".repeat(300));
    for (request, error) in [
        (
            long,
            r#"{"id": 5, "error": {"class": "GenericError", "desc": "JSON token size limit exceeded: a request holds at most 4096 bytes"}}"#,
        ),
        (deep, r#"{"error": {"class": "GenericError", "desc": "JSON nesting depth limit exceeded"}}"#),
        (
            format!("{{{}}}", keys.join(",")),
            r#"{"error": {"class": "GenericError", "desc": "JSON token count limit exceeded"}}"#,
        ),
        (
            id,
            r#"{"error": {"class": "GenericError", "desc": "JSON token size limit exceeded: an id holds at most 256 bytes"}}"#,
        ),
    ] {
        let bytes = request + "{\"execute\":\"guest-ping\"}";
        let said = say(&[Piece::Bytes(bytes.as_bytes())], &mut Board::default());
        assert_eq!(said, format!("{error}\n{{\"return\": {{}}}}\n"));
    }
}

#[test]
fn half_a_request_goes_with_its_host() {
    let pieces =
        [Piece::Bytes(b"{\"execute\":\"guest-p"), Piece::HangUp, Piece::Bytes(b"{\"execute\":\"guest-ping\"}")];
    assert_eq!(say(&pieces, &mut Board::default()), "{\"return\": {}}\n");
}
