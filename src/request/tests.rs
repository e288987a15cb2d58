use super::*;
use crate::json::write::Writer;

/// What is done with a machine that has a buffer of that many bytes for requests.
fn with_machine<const BYTES: usize, T>(act: impl FnOnce(&mut Machine<'_>) -> T) -> T {
    let (mut request, mut id, mut token) = ([0_u8; BYTES], [0_u8; 64], [0_u8; 64]);
    let (mut keys, mut nesting) = ([Key::default(); 16], [0_u8; 4]);
    act(&mut Machine::new(Storage {
        request: &mut request,
        scratch_bytes: 64,
        id: &mut id,
        token: &mut token,
        keys: &mut keys,
        nesting: &mut nesting,
    }))
}

#[test]
fn it_is_at_rest_between_requests_only() {
    with_machine::<512, _>(|machine| {
        assert!(machine.is_at_rest());
        let text = b" {\"execute\":\"guest-ping\",\"id\":[1]}";
        for byte in text.iter().take(text.len() - 1) {
            assert_eq!(machine.feed(&[*byte]), (1, Event::More));
            assert_eq!(machine.is_at_rest(), *byte == b' ');
        }
        assert_eq!(machine.feed(b"}"), (1, Event::Complete));
        assert!(machine.is_at_rest());
        assert_eq!(machine.feed(b"\n"), (1, Event::More));
        assert!(machine.is_at_rest());
        assert_eq!(machine.feed(b"{"), (1, Event::More));
        assert!(!machine.is_at_rest());
        machine.reset();
        assert!(machine.is_at_rest());
    });
}

/// What the requests come to that `input` has, given in pieces of `length` bytes: why each is refused, or its name, its
/// arguments and its id.
fn requests(input: &[u8], length: usize) -> Vec<[Vec<u8>; 4]> {
    with_machine::<128, _>(|machine| requests_of(machine, input, length))
}

fn requests_of(machine: &mut Machine<'_>, input: &[u8], length: usize) -> Vec<[Vec<u8>; 4]> {
    let mut found = Vec::new();
    for piece in input.chunks(length) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (used, event) = machine.feed(rest);
            rest = &rest[used..];
            if event == Event::Complete {
                let mut text = [0; 256];
                let mut writer = Writer::new(&mut text, 0);
                if let Some(refusal) = machine.refusal() {
                    refusal.error.write(200, &mut writer);
                    let length = writer.len();
                    let id = if refusal.echo { machine.id() } else { b"" };
                    found.push([&text[..length], b"", b"", id].map(<[u8]>::to_vec));
                } else {
                    let Parts { name, arguments, id, .. } = machine.parts();
                    found.push([b"", name, arguments, id].map(<[u8]>::to_vec));
                }
            }
        }
    }
    found
}

#[test]
fn a_bare_request_is_the_same_as_a_whole_as_in_pieces() {
    let bare = b"{\"execute\":\"guest-ping\"}\n";
    let expected = [b"".to_vec(), b"guest-ping".to_vec(), b"{}".to_vec(), b"".to_vec()];
    assert_eq!(requests(bare, usize::MAX), [expected]);
    // Some of them fit into the buffer, but not with what else is held of them.
    let long: String = (40..70).map(|length| format!("{{\"execute\":\"{}\"}}\n", "n".repeat(length))).collect();
    let mut texts = [
        &b"{\"execute\": \"guest-ping\"}"[..],
        b"{\"execute\":  \"guest-ping\"}\r\n{\"execute\":\"\"}\n\n",
        b"{\"execute\":\"guest-ping\" }{\"execute\": \"a b\"}{\"execute\":\"it's\"}{\"execute\":\"\\u0041\\n\"}",
        b"{\"execute\":\"a\x7F\"}{\"execute\":\"\xC3\xA9\"}{\"execute\":\"a\0\"}{\"execute\":\"b\"}",
        b"{\"execute\":'a'}{'execute':\"a\"}{\"execute\":1}{\"execute\":}{\"execute\":\"a\"]{\"execute\":\"a\"}",
        b"{\"execute\":\"a\",\"execute\":\"b\"}{\"execute\":\"a\",\"id\":{\"execute\":\"c\"}}",
        b"%{\"execute\":\"a\"}[{\"execute\":\"a\"}]\xFF{\"execute\":\"a\"}{\"id\":{\"execute\":\"a\"}}\"{\"execute\":\"a\"}",
        b"1{\"execute\":\"a\"}tru{\"execute\":\"a\"}{\"execute\":\"a\"}}{\"execute\":\"a\"}",
    ]
    .to_vec();
    texts.push(long.as_bytes());
    for text in texts {
        // What was before must not matter either.
        for text in [text, &[bare, text].concat(), &[text, bare, text].concat()] {
            let whole = requests(text, usize::MAX);
            for length in 1..text.len() {
                assert_eq!(requests(text, length), whole, "{} by {length}", text.escape_ascii());
            }
        }
    }
}
