//! The directories of sysfs that are named by a word and a number: `cpu0`, `memory12`. They are listed in pieces, in the
//! order of the kernel, from a directory that is opened anew for each piece.

use crate::errno::Errno;
use crate::guest::ListPlace;
use crate::json::write::decimal as digits;
use crate::linux::lines::decimal;
use crate::linux::path::Path;
use crate::sys::directory;
use crate::sys::fd::{Fd, OpenFlags, SeekFrom};

/// Gives the number of each entry `WORD` + number from a place on to `visit`, with the place behind it, until that answers
/// false. Bounded by the number of entries.
///
/// # Errors
/// Those of lseek(2) and getdents64(2).
pub fn each(
    directory: &Fd,
    word: &[u8],
    from: ListPlace,
    buffer: &mut [u8],
    mut visit: impl FnMut(u64, ListPlace) -> bool,
) -> Result<(), Errno> {
    let ListPlace([offset, last]) = from;
    let mut given = None;
    if from != ListPlace::default() {
        directory.seek(offset, SeekFrom::Start)?;
        // An offset of sysfs is a hash of a name. Of two names with the same one, both come again.
        given = Some(last.cast_unsigned());
    }
    directory::entries(directory, buffer, |name, behind| {
        let number = name.to_bytes().strip_prefix(word).and_then(decimal);
        match number {
            Some((number, b"")) if given != Some(number) => visit(number, ListPlace([behind, number.cast_signed()])),
            _ => true,
        }
    })
}

/// The path of such a directory, or of something in it if `rest` begins with a slash.
///
/// # Errors
/// It is longer than any there can be.
pub fn path(word: &[u8], number: i128, rest: &[u8]) -> Result<Path, Errno> {
    let sign: &[u8] = if number < 0 { b"-" } else { b"" };
    let number = u64::try_from(number.unsigned_abs()).map_err(|_| Errno::ENOENT)?;
    Path::of(&[word, sign, digits(number, &mut [0; 20]), rest]).ok_or(Errno::ENOENT)
}

/// Reads the start of a small file; answers what there is of it.
///
/// # Errors
/// Those of read(2).
pub fn start<'b>(file: &Fd, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let length = file.read_at(buffer, 0)?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Whether a directory has an entry of that name.
pub fn has(directory: &Fd, path: &Path) -> bool {
    directory.open_at(path.as_c_str(), OpenFlags::READ) != Err(Errno::ENOENT)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::CString;

    use super::*;

    fn open(path: &str) -> Fd {
        let path = CString::new(path).unwrap();
        Fd::open(&path, OpenFlags::READ.with(OpenFlags::DIRECTORY)).unwrap()
    }

    /// All numbers, taken `piece` at a time.
    fn numbers(path: &str, word: &[u8], piece: usize) -> Vec<u64> {
        let mut place = ListPlace::default();
        let mut all = Vec::new();
        loop {
            let begin = all.len();
            each(&open(path), word, place, &mut [0; 1024], |number, behind| {
                if all.len() == begin + piece {
                    return false;
                }
                all.push(number);
                place = behind;
                true
            })
            .unwrap();
            if all.len() == begin {
                return all;
            }
        }
    }

    #[test]
    fn pieces_of_any_length_give_each_number_once() {
        let directory = std::env::temp_dir().join(format!("picoqga-{}-numbered", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for number in 0..500 {
            std::fs::write(directory.join(format!("memory{number}")), "").unwrap();
        }
        for other in ["memory", "memory1x", "memory-1", "memoryx", "cpu3", "memory99999999999999999999"] {
            std::fs::write(directory.join(other), "").unwrap();
        }
        let path = directory.to_str().unwrap();
        let found: Vec<_> = [1, 2, 7, 100, 1000].map(|piece| numbers(path, b"memory", piece)).into();
        std::fs::remove_dir_all(&directory).unwrap();
        for numbers in found {
            assert_eq!(numbers.len(), 500);
            assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), (0..500).collect());
        }
    }

    #[test]
    fn a_name_that_comes_again_is_not_given_again() {
        // As if each name had the same offset as the one before it.
        let path = "/sys/devices/system/memory";
        let mut all = Vec::new();
        let Ok(directory) = std::fs::metadata(path).map(|_| open(path)) else { return };
        each(&directory, b"memory", ListPlace::default(), &mut [0; 1024], |number, place| {
            all.push((number, place));
            true
        })
        .unwrap();
        for items in all.windows(3) {
            let [(_, ListPlace([offset, _])), (given, _), (expected, _)] = items else { continue };
            let mut next = None;
            let place = ListPlace([*offset, given.cast_signed()]);
            each(&open(path), b"memory", place, &mut [0; 1024], |number, _| {
                next = Some(number);
                false
            })
            .unwrap();
            assert_eq!(next, Some(*expected));
        }
    }

    #[test]
    fn sysfs_gives_each_number_once() {
        for (path, word) in [("/sys/devices/system/cpu", &b"cpu"[..]), ("/sys/devices/system/memory", b"memory")] {
            let Ok(entries) = std::fs::read_dir(path) else { continue };
            let expected: BTreeSet<u64> = entries
                .filter_map(|entry| {
                    entry.unwrap().file_name().to_str()?.strip_prefix(str::from_utf8(word).unwrap())?.parse().ok()
                })
                .collect();
            for piece in [1, 3, 1000] {
                let found = numbers(path, word, piece);
                assert_eq!(found.len(), expected.len());
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            }
        }
    }

    #[test]
    fn paths_have_any_number() {
        assert_eq!(path(b"cpu", -1, b"").unwrap().as_c_str(), c"cpu-1");
        assert_eq!(path(b"cpu", i128::from(i64::MIN), b"").unwrap().as_c_str(), c"cpu-9223372036854775808");
        assert_eq!(
            path(b"memory", i128::from(u64::MAX), b"/state").unwrap().as_c_str(),
            c"memory18446744073709551615/state"
        );
    }
}
