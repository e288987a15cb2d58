//! Base64 is decoded and encoded alike in any pieces, and as another decoder does it.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use picoqga::base64::{Decoder, Invalid, encode};
use picoqga_fuzz::common::Random;
use picoqga_fuzz::seed;

/// Decodes a text that comes in pieces, into rooms of changing size.
fn decode(text: &[u8], random: &mut Random) -> Result<Vec<u8>, Invalid> {
    let mut decoder = Decoder::new();
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let piece = &rest[..(random.below(70) + 1).min(rest.len())];
        let mut room = vec![0; random.below(60) + 3];
        let (used, written) = decoder.decode(piece, &mut room)?;
        assert!(used > 0, "{} bytes of room, {piece:?}", room.len());
        bytes.extend_from_slice(&room[..written]);
        rest = &rest[used..];
    }
    let mut room = [0; 3];
    let written = decoder.finish(&mut room)?;
    bytes.extend_from_slice(&room[..written]);
    Ok(bytes)
}

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = seed(data) else { return };
    let mut random = Random(seed);

    // As a text, with line feeds anywhere, and several padded texts one behind the other.
    let decoded = decode(bytes, &mut random);
    assert_eq!(decoded, decode(bytes, &mut Random(!seed | 1)), "in other pieces");
    let mut room = vec![0; bytes.len() + 3];
    let whole = picoqga::base64::decode(bytes, &mut room);
    assert_eq!(
        decoded,
        whole.map(|(length, bytes)| bytes.filter(|bytes| bytes.len() == length).unwrap().to_vec()),
        "whole"
    );
    let plain: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != b'\n').collect();
    if let Ok(expected) = STANDARD.decode(&plain) {
        assert_eq!(decoded, Ok(expected), "as another decoder does it");
    }
    if !bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\n".contains(byte)) {
        assert_eq!(decoded, Err(Invalid));
    }

    // As bytes.
    let expected = STANDARD.encode(bytes);
    let mut text = Vec::new();
    let mut rest = bytes;
    loop {
        let piece = &rest[..(random.below(70) + 1).min(rest.len())];
        let last = piece.len() == rest.len();
        let mut room = vec![0; random.below(100) + 4];
        let (used, written) = encode(piece, last, &mut room);
        text.extend_from_slice(&room[..written]);
        rest = &rest[used..];
        if last && rest.is_empty() {
            break;
        }
    }
    assert_eq!(String::from_utf8(text).unwrap(), expected);
});
