//! Reading the small text files of the kernel through a fixed buffer.

use crate::errno::Errno;
use crate::sys::fd::Fd;

/// Reads until the end of the file or of the buffer; answers how much it was.
///
/// # Errors
/// Those of read(2).
pub fn read_whole(file: &Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut length = 0_usize;
    loop {
        let room = buffer.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            return Ok(length);
        }
        match file.read(room) {
            Ok(0) => return Ok(length),
            Ok(count) => length = length.saturating_add(count),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Gives each line, without its line feed, to `visit`, until it answers false.
///
/// # Errors
/// Those of read(2). `ENAMETOOLONG`, once all lines have been read: some were left out, for they are longer than the buffer.
pub fn each_line(file: &Fd, buffer: &mut [u8], mut visit: impl FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    each(file, buffer, &mut visit)
}

/// Compiled once, for all that visit.
fn each(file: &Fd, buffer: &mut [u8], visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    let mut length = 0_usize;
    let mut skipping = false;
    let mut result = Ok(());
    loop {
        let count = match file.read(buffer.get_mut(length..).unwrap_or_default()) {
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        length = length.saturating_add(count);
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line = rest.get(..end).unwrap_or_default();
            if !core::mem::take(&mut skipping) && !visit(line) {
                return Ok(());
            }
            rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
        }
        if count == 0 {
            if !rest.is_empty() && !skipping {
                visit(rest);
            }
            return result;
        }
        let kept = rest.len();
        if kept == buffer.len() {
            skipping = true;
            result = Err(Errno::ENAMETOOLONG);
            length = 0;
        } else {
            let start = length.saturating_sub(kept);
            for index in 0..kept {
                // Moved to the front a byte at a time: it is the rest of one line.
                let byte = buffer.get(start.saturating_add(index)).copied().unwrap_or(0);
                if let Some(slot) = buffer.get_mut(index) {
                    *slot = byte;
                }
            }
            length = kept;
        }
    }
}

/// A number in decimal at the start of a text, and what follows it.
pub fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits).filter(|(number, _)| !number.is_empty())?;
    let value = number
        .iter()
        .try_fold(0_u64, |value, &digit| value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))))?;
    Some((value, rest))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::sys::fd::SeekFrom;

    #[test]
    fn lines_come_whole_through_any_buffer() {
        let file = crate::sys::memory::file().unwrap();
        let text = "one\n\nthree is longer\nfour\nlast";
        file.write(text.as_bytes()).unwrap();
        for size in 1..40 {
            file.seek(0, SeekFrom::Start).unwrap();
            let mut lines = Vec::new();
            let result = each_line(&file, &mut vec![0; size], |line| {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
                true
            });
            let expected: Vec<_> = text.lines().filter(|line| line.len() < size).collect();
            let all = expected.len() == text.lines().count();
            assert_eq!(result, if all { Ok(()) } else { Err(Errno::ENAMETOOLONG) }, "buffer of {size}");
            assert_eq!(lines, expected, "buffer of {size}");
        }
    }

    #[test]
    fn numbers_end_where_their_digits_end() {
        assert_eq!(decimal(b"254:1"), Some((254, &b":1"[..])));
        assert_eq!(decimal(b"18446744073709551615"), Some((u64::MAX, &b""[..])));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b"x"), None);
    }
}
