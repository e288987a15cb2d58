//! Copying, dividing and finding bytes without a way to panic, in one place.
//!
//! What slices have for it is made anew for each use, with closures; each of these is there once.

/// Copies `bytes` into `room` from `at` on; answers the place behind them. `None`, and nothing is copied, if they do not fit.
///
/// What slices have for it compares lengths and panics, and in a build for size that is not seen to be impossible. So these
/// are loops: eight bytes at a time, and then the last eight once more, for what is left behind the blocks.
pub fn put(room: &mut [u8], at: usize, bytes: &[u8]) -> Option<usize> {
    let end = at.checked_add(bytes.len())?;
    let room = room.get_mut(at..end)?;
    for (to, &block) in room.as_chunks_mut::<8>().0.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *to = block;
    }
    match (room.last_chunk_mut::<8>(), bytes.last_chunk::<8>()) {
        (Some(to), Some(&last)) => *to = last,
        _ => {
            for (to, &byte) in room.iter_mut().zip(bytes) {
                *to = byte;
            }
        }
    }
    Some(end)
}

/// What stands before the first `byte`, and what behind it. `None` if there is none.
#[inline(never)] // used all over
pub fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&one| one == byte)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}

/// Whether a byte is in a text. What slices have for it looks at words at a time, and is five times as long.
pub fn has(text: &[u8], byte: u8) -> bool {
    split_once(text, byte).is_some()
}

/// What stands before the first `byte`: all of the text if there is none.
pub fn before(text: &[u8], byte: u8) -> &[u8] {
    split_once(text, byte).map_or(text, |(before, _)| before)
}

/// Takes the first word off a list of them, which stand between single blanks. Empty behind the last one.
#[inline(never)] // as above
pub fn take_word<'l>(list: &mut &'l [u8]) -> &'l [u8] {
    let word;
    (word, *list) = split_once(list, b' ').unwrap_or((list, b""));
    word
}

/// A path without its last component, and that component.
#[inline(never)] // as above
pub fn split_path(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at.wrapping_add(1)..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// The place of a word in a list of them, which stand between single blanks.
#[inline(never)] // as above
pub fn position(list: &[u8], word: &[u8]) -> Option<usize> {
    list.split(|&byte| byte == b' ').position(|one| one == word)
}

/// The digit of a number up to 15.
pub fn hexadecimal_digit(value: u8) -> u8 {
    if value < 10 { b'0'.wrapping_add(value) } else { b'a'.wrapping_add(value.wrapping_sub(10)) }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_copied() {
        let mut room = *b"......";
        assert_eq!(put(&mut room, 1, b"abc"), Some(4));
        assert_eq!(put(&mut room, 4, b"de"), Some(6));
        assert_eq!(put(&mut room, 6, b""), Some(6));
        for (at, bytes) in [(5, &b"xy"[..]), (7, b""), (usize::MAX, b"x"), (0, b"1234567")] {
            assert_eq!(put(&mut room, at, bytes), None);
        }
        assert_eq!(&room, b".abcde");
    }

    #[test]
    fn all_bytes_are_copied_and_no_others() {
        let bytes: Vec<u8> = (1..=40).collect();
        for length in 0..=bytes.len() {
            let mut room = [0; 50];
            assert_eq!(put(&mut room, 5, &bytes[..length]), Some(5 + length));
            assert_eq!(&room[5..5 + length], &bytes[..length]);
            assert!(room[..5].iter().chain(&room[5 + length..]).all(|&byte| byte == 0));
        }
    }

    #[test]
    fn texts_are_divided_at_the_first_byte() {
        for (text, before_it, behind_it) in [("a=b=c", "a", "b=c"), ("=", "", ""), ("a=", "a", "")] {
            let divided = (before_it.as_bytes(), behind_it.as_bytes());
            assert_eq!(split_once(text.as_bytes(), b'='), Some(divided));
            assert_eq!(before(text.as_bytes(), b'='), before_it.as_bytes());
        }
        assert_eq!((split_once(b"abc", b'='), before(b"abc", b'=')), (None, &b"abc"[..]));
    }

    #[test]
    fn words_are_taken_one_by_one() {
        let mut list = &b"one two"[..];
        assert_eq!([0; 3].map(|_| take_word(&mut list)), [&b"one"[..], b"two", b""]);
    }

    #[test]
    fn words_are_found_whole() {
        for (word, expected) in [("one", Some(0)), ("two", Some(1)), ("o", None), ("", None), ("one two", None)] {
            assert_eq!(position(b"one two", word.as_bytes()), expected);
        }
    }

    #[test]
    fn a_path_ends_behind_its_last_slash() {
        for (path, before, last) in [("/a/b", "/a", "b"), ("a", "", "a"), ("a/", "a", ""), ("", "", "")] {
            assert_eq!(split_path(path.as_bytes()), (before.as_bytes(), last.as_bytes()));
        }
    }
}
