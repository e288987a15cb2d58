//! Lists that are text files of `/proc` with an item a line, told in pieces.
//!
//! Between two pieces the file stays open, and the kernel goes on where it stopped: `/proc/stat`, which it writes as a whole,
//! stays as it was at the first read, and a table of a million routes is walked through once. Opened anew for each piece,
//! it would be walked through from its start each time; and an offset in the text would point into the middle of a line
//! once a number before it has a digit more.

use core::ffi::CStr;

use super::Linux;
use super::lines::{Lines, decimal};
use crate::errno::Errno;
use crate::guest::LongLists;
use crate::sys::fd::Fd;

/// A file that is told, and how far.
#[derive(Debug)]
pub struct Told {
    path: &'static CStr,
    file: Fd,
    lines: Lines,
    /// Lines that were told.
    count: i64,
}

impl Linux {
    /// Gives each line of a file of `/proc` to `visit`, the first `from` of them left out, with the number of lines up to
    /// and with it, until that answers false. `buffer` must be as the piece before left it. Answers whether it came to the
    /// end of the file. Lines longer than the buffer are left out.
    ///
    /// # Errors
    /// Those of open(2) and read(2), and of a mount of `/proc` where there is none.
    pub(super) fn proc_lines(
        &mut self,
        path: &'static CStr,
        from: i64,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&[u8], i64) -> bool,
    ) -> Result<bool, Errno> {
        if !self.told.as_ref().is_some_and(|told| from > 0 && told.count == from && told.path == path) {
            self.told = None;
            self.told = Some(Told { path, file: self.proc.open(path)?, lines: Lines::default(), count: 0 });
        }
        let Some(Told { file, lines, count, .. }) = &mut self.told else { return Ok(true) };
        let is_end = lines.each(file, buffer, &mut |line| {
            let behind = count.saturating_add(1);
            let is_told = *count < from || visit(line, behind);
            if is_told {
                *count = behind;
            }
            is_told
        });
        if is_end != Ok(false) {
            self.told = None;
        }
        is_end
    }
}

impl LongLists for Linux {
    fn end_list(&mut self) {
        self.told = None;
    }
}

/// The words of a line, taken one by one.
pub(super) struct Words<'l>(pub &'l [u8]);

impl<'l> Words<'l> {
    /// The next one.
    #[inline(never)] // once for all lists
    pub fn next(&mut self) -> Option<&'l [u8]> {
        let start = self.0.trim_ascii_start();
        let length = start.iter().position(u8::is_ascii_whitespace).unwrap_or(start.len());
        let (word, rest) = start.split_at_checked(length).filter(|(word, _)| !word.is_empty())?;
        self.0 = rest;
        Some(word)
    }

    /// The next one, as a number in decimal.
    #[cfg(feature = "inventory")]
    #[inline(never)] // as above
    pub fn number(&mut self) -> Option<u64> {
        number(self.next()?)
    }
}

/// A whole word as a number in decimal.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    decimal(word).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// The lines of a file, `piece` at a time. Between two pieces `meddle` may do something to the guest.
    fn lines(path: &'static CStr, piece: usize, meddle: impl Fn(&mut Linux)) -> Vec<String> {
        let mut guest = Linux::for_test(&crate::linux::options::Options::DEFAULT);
        let (mut all, mut from, mut buffer) = (Vec::new(), 0, vec![0; 1024]);
        loop {
            let mut left = piece;
            let is_end = guest.proc_lines(path, from, &mut buffer, &mut |line, behind| {
                if left > 0 {
                    all.push(String::from_utf8(line.to_vec()).unwrap());
                    from = behind;
                    left -= 1;
                    return true;
                }
                false
            });
            if is_end.unwrap() {
                assert!(guest.told.is_none(), "a file that is told is closed");
                return all;
            }
            meddle(&mut guest);
        }
    }

    #[test]
    fn pieces_of_any_length_give_each_line_once() {
        let expected = std::fs::read_to_string("/proc/filesystems").unwrap();
        for piece in 1..10 {
            assert_eq!(lines(c"filesystems", piece, |_| {}), expected.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_that_was_closed_in_between_goes_on_where_it_was() {
        let expected = std::fs::read_to_string("/proc/filesystems").unwrap();
        assert_eq!(lines(c"filesystems", 3, LongLists::end_list), expected.lines().collect::<Vec<_>>());
        let other = |guest: &mut Linux| {
            guest.proc_lines(c"self/limits", 0, &mut [0; 1024], &mut |_, _| false).unwrap();
        };
        assert_eq!(lines(c"filesystems", 3, other), expected.lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let mut guest = Linux::for_test(&crate::linux::options::Options::DEFAULT);
        assert_eq!(guest.proc_lines(c"none", 0, &mut [0; 64], &mut |_, _| true), Err(Errno::ENOENT));
    }
}
