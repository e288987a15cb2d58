//! What is often done with bytes, in one place: copying them without a way to panic, and looking for them.

/// Copies `bytes` into `room` from `at` on; answers the place behind them. `None`, and nothing is copied, if they do not fit.
///
/// What slices have for it compares lengths and panics, and in a build for size that is not seen to be impossible. So these
/// are loops: eight bytes at a time, and then the rest.
pub fn put(room: &mut [u8], at: usize, bytes: &[u8]) -> Option<usize> {
    let end = at.checked_add(bytes.len())?;
    let (to_blocks, to_rest) = room.get_mut(at..end)?.as_chunks_mut::<8>();
    let (blocks, rest) = bytes.as_chunks::<8>();
    for (to, &block) in to_blocks.iter_mut().zip(blocks) {
        *to = block;
    }
    for (to, &byte) in to_rest.iter_mut().zip(rest) {
        *to = byte;
    }
    Some(end)
}

/// A path without its last component, and that component.
#[inline(never)] // used all over
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

#[cfg(test)]
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
