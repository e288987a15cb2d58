use super::*;

#[test]
fn it_is_at_rest_between_requests_only() {
    let (mut request, mut id, mut token) = ([0_u8; 512], [0_u8; 64], [0_u8; 64]);
    let (mut keys, mut nesting) = ([Key::default(); 16], [0_u8; 4]);
    let mut machine = Machine::new(Storage {
        request: &mut request,
        scratch_bytes: 64,
        id: &mut id,
        token: &mut token,
        keys: &mut keys,
        nesting: &mut nesting,
    });
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
}
