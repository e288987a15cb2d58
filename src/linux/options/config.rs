//! The configuration file, as GLib's key files are written: `[group]`, `key=value`, `# comment`. The keys are the long names
//! of the options, and `daemon`; the group is `general`; other keys and groups are passed over.
//!
//! It is read a line at a time, so it may be of any length. What is kept of it, paths, is kept at the end of a buffer that
//! the agent has lent for the time before it starts.

use core::ffi::CStr;

use super::declaration::{Known, Takes};
use super::lists::List;
use super::{CHECK, LEFT_OUT, Options, is_left_out};
use crate::bytes::has;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::limits::linux::REQUEST_BYTES;
use crate::linux::lines::each_line;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::start;

/// Where the file is when nothing else is said.
const CONFIG_PATH: &CStr = c"/etc/qemu/qemu-ga.conf";

// What `line longer than` below says.
const _: () = assert!(REQUEST_BYTES == 131_072);

/// How much text the values of a file may come to: each path as long as Linux lets it be.
pub const KEPT_BYTES: usize = 5 * 4096;

/// The values of a file: they take the end of a buffer.
#[derive(Debug)]
pub struct Kept {
    free: &'static mut [u8],
    left: usize,
}

impl Kept {
    /// Nothing yet.
    pub fn new(buffer: &'static mut [u8]) -> Self {
        Kept { free: buffer, left: KEPT_BYTES }
    }

    /// What is left of the buffer.
    pub fn into_free(self) -> &'static mut [u8] {
        self.free
    }

    /// Keeps a value, without its escapes.
    fn keep(&mut self, value: &[u8]) -> Result<&'static CStr, &'static str> {
        let mut length = 1_usize;
        for byte in Unescaped(value) {
            byte?;
            length = length.saturating_add(1);
        }
        core::str::from_utf8(value).map_err(|_| "is not UTF-8")?;
        const TOO_LONG: &str = "is too long: the values of the file may come to 20480 bytes";
        self.left = self.left.checked_sub(length).ok_or(TOO_LONG)?;
        let free = self.free.len().checked_sub(length).ok_or(TOO_LONG)?;
        let slot = self.free.split_off_mut(free..).ok_or(TOO_LONG)?;
        for (to, byte) in slot.iter_mut().zip(Unescaped(value).map(Result::unwrap_or_default).chain([0])) {
            *to = byte;
        }
        let text = CStr::from_bytes_until_nul(slot).unwrap_or_default();
        if text.count_bytes().wrapping_add(1) == slot.len() { Ok(text) } else { Err("has a NUL") }
    }
}

/// The bytes that a value stands for.
pub(super) struct Unescaped<'v>(pub(super) &'v [u8]);

impl Iterator for Unescaped<'_> {
    type Item = Result<u8, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        if first != b'\\' {
            return Some(Ok(first));
        }
        let (meant, rest) = match rest.split_first() {
            Some((b's', rest)) => (b' ', rest),
            Some((b't', rest)) => (b'\t', rest),
            Some((b'n', rest)) => (b'\n', rest),
            Some((b'r', rest)) => (b'\r', rest),
            Some((b'\\', rest)) => (b'\\', rest),
            _ => return Some(Err("has a \\ that begins none of \\s \\t \\n \\r \\\\")),
        };
        self.0 = rest;
        Some(Ok(meant))
    }
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
enum Entry<'l> {
    /// Nothing, or a comment.
    Nothing,
    Group(&'l [u8]),
    Value(&'l [u8], &'l [u8]),
}

/// Tells what a line is.
fn entry(line: &[u8]) -> Result<Entry<'_>, &'static str> {
    // As far as C's functions for texts see.
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().position(|byte| !is_blank(*byte)).unwrap_or(line.len());
    let line = line.get(start..).unwrap_or_default();
    const NEITHER: &str = "is neither [GROUP] nor KEY=VALUE nor # COMMENT";
    match line {
        [] | [b'#', ..] => Ok(Entry::Nothing),
        [b'[', rest @ ..] if let Some(end) = closes(rest) => {
            let name = rest.get(..end).unwrap_or_default();
            if name.is_empty() || name.iter().any(|byte| *byte == b'[' || byte.is_ascii_control()) {
                return Err("has no valid name of a group");
            }
            Ok(Entry::Group(name))
        }
        _ => {
            let equals = line.iter().position(|&byte| byte == b'=').filter(|&at| at > 0).ok_or(NEITHER)?;
            let (key, value) = line.split_at_checked(equals).ok_or(NEITHER)?;
            let end = key.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last.saturating_add(1));
            let key = key.get(..end).unwrap_or_default();
            let value = value.get(1..).unwrap_or_default();
            let start = value.iter().position(|byte| !is_blank(*byte)).unwrap_or(value.len());
            // A translation, `key[language]`, is a key of its own, and none of ours.
            let brackets = key.iter().filter(|byte| matches!(byte, b'[' | b']')).count();
            let is_translation = brackets == 2 && has(key, b'[') && key.ends_with(b"]");
            if key.is_empty() || key.starts_with(b"[") || !(brackets == 0 || is_translation) {
                return Err("has no valid name of a key");
            }
            Ok(Entry::Value(key, value.get(start..).unwrap_or_default()))
        }
    }
}

/// Where the name of a group ends, if nothing but blanks follows.
fn closes(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().position(|&byte| byte == b']')?;
    let behind = rest.get(end.saturating_add(1)..).unwrap_or_default();
    behind.iter().all(|byte| matches!(byte, b' ' | b'\t')).then_some(end)
}

/// A blank, as GLib has it.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0C' | b'\r')
}

/// Why a file can not be used.
pub(super) enum Wrong {
    /// It can not be opened or read.
    File(Errno),
    Words(&'static str),
    /// The line of this number.
    Line(u64, &'static str),
    /// The line of this number, which has this key.
    Value(u64, &'static [u8], &'static str),
}

/// Takes the value of an option as it is written; answers what is wrong with it.
type Take<'t> = dyn FnMut(Known, &[u8]) -> Result<(), &'static str> + 't;

/// Gives each key of the group `general` that is an option's to `take`, with its value as it is written.
pub(super) fn each_value(path: &CStr, line: &mut [u8], take: &mut Take<'_>) -> Result<(), Wrong> {
    // Not to wait for the writer of a FIFO.
    let file = Fd::open(path, OpenFlags::READ.with(OpenFlags::NON_BLOCKING)).map_err(Wrong::File)?;
    if !file.is_regular() {
        return Err(Wrong::Words("Not a regular file"));
    }
    let mut number = 0_u64;
    let mut group = None;
    let mut wrong = None;
    each_line(&file, line, |line| {
        number = number.saturating_add(1);
        let found = match entry(line) {
            Ok(Entry::Nothing) => return true,
            Ok(Entry::Group(name)) => {
                group = Some(name == b"general");
                return true;
            }
            Ok(Entry::Value(..)) if group.is_none() => Err(Wrong::Words("Key file does not start with a group")),
            Ok(Entry::Value(key, value)) if group == Some(true) => {
                let name = if key == b"daemon" { b"daemonize" } else { key };
                // Some options are no keys.
                match Known::named(name).filter(|option| !matches!(option.letter, b'c' | b'D' | b'V' | b'h' | CHECK)) {
                    None => Ok(()),
                    Some(option) => take(option, value).map_err(|why| Wrong::Value(number, option.name, why)),
                }
            }
            Ok(Entry::Value(..)) => Ok(()),
            Err(why) => Err(Wrong::Line(number, why)),
        };
        wrong = found.err();
        wrong.is_none()
    })
    .map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Wrong::Words("a line is longer than 131071 bytes"),
        errno => Wrong::File(errno),
    })?;
    wrong.map_or(Ok(()), Err)
}

/// Reads the file that the command line names, else the one of `QGA_CONF`, else the usual one. Answers which one was read:
/// only a file that the command line names has to be there.
///
/// # Errors
/// It can not be read, or what is in it is wrong.
pub(super) fn read(
    named: Option<&'static CStr>,
    line: &mut [u8],
    kept: &mut Kept,
    options: &mut Options,
) -> Result<Option<&'static CStr>, Error<'static>> {
    let path = named.or_else(|| start::environment(c"QGA_CONF")).unwrap_or(CONFIG_PATH);
    let taken = each_value(path, line, &mut |option, value| take(options, kept, option, value));
    let bytes = path.to_bytes();
    macro_rules! failed {
        ($($why:expr),+) => { error!["error loading configuration from path: ", bytes, ", ", $($why),+] };
    }
    match taken {
        Ok(()) => Ok(Some(path)),
        Err(Wrong::File(Errno::ENOENT)) if named.is_none() => Ok(None),
        Err(Wrong::File(errno)) => Err(failed![errno]),
        Err(Wrong::Words(why)) => Err(failed![why]),
        Err(Wrong::Line(number, why)) => Err(failed!["line ", number, " ", why]),
        Err(Wrong::Value(number, key, why)) => Err(failed!["line ", number, ": '", key, "' ", why]),
    }
}

fn take(options: &mut Options, kept: &mut Kept, option: Known, value: &[u8]) -> Result<(), &'static str> {
    if is_left_out(option.letter) {
        return Err(LEFT_OUT);
    }
    if option.takes == Takes::Nothing {
        let on = match value.trim_ascii_end() {
            b"true" | b"1" => true,
            b"false" | b"0" => false,
            _ => return Err("is neither true nor false"),
        };
        options.switch(option.letter, on);
    } else if let Some(list) = options.lists.of(option.letter) {
        // Of keys given twice the last one counts.
        *list = List::NONE;
        for byte in Unescaped(value) {
            byte?;
        }
        list.add(value);
    } else {
        options.set(option.letter, kept.keep(value)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (line, meaning) in [
            ("", Entry::Nothing),
            ("  \t\r", Entry::Nothing),
            ("# path=x", Entry::Nothing),
            ("\x0c#", Entry::Nothing),
            ("[general]", Entry::Group(b"general")),
            ("  [gen eral] \t", Entry::Group(b"gen eral")),
            ("path=x", Entry::Value(b"path", b"x")),
            (" \tpath \t=\t x \t\r", Entry::Value(b"path", b"x \t")),
            ("path==x", Entry::Value(b"path", b"=x")),
            ("path=", Entry::Value(b"path", b"")),
            ("path=x #c", Entry::Value(b"path", b"x #c")),
            ("path=a\0b", Entry::Value(b"path", b"a")),
            ("path[de]=x", Entry::Value(b"path[de]", b"x")),
            ("path[]=x", Entry::Value(b"path[]", b"x")),
            ("a b*/=2", Entry::Value(b"a b*/", b"2")),
        ] {
            assert_eq!(entry(line.as_bytes()), Ok(meaning), "{line:?}");
        }
        for line in [
            "junk",
            ";x",
            "=x",
            "[general",
            "[general] # c",
            "[a]b]",
            "[]",
            "[a[b]",
            "[\tx]",
            "a[x]y=2",
            "a]=2",
            "[a]=2",
            "pa\0th=x",
            "\u{feff}[general]",
        ] {
            assert!(entry(line.as_bytes()).is_err(), "{line:?}");
        }
    }

    /// A value as it would be kept of a file, in a buffer of this size.
    fn keep(value: &[u8], size: usize) -> Result<&'static CStr, &'static str> {
        Kept::new(vec![0; size].leak()).keep(value)
    }

    #[test]
    fn values_are_kept_without_their_escapes() {
        for (value, meaning) in [
            (&b"/dev/x"[..], c"/dev/x"),
            (br"\sa\tb\nc\rd\\e", c" a\tb\nc\rd\\e"),
            (b"", c""),
            ("\u{e9}".as_bytes(), c"\u{e9}"),
        ] {
            assert_eq!(keep(value, 64), Ok(meaning));
        }
        for value in [&br"a\qb"[..], br"a\", br"\;", b"\xFF", b"\xC3"] {
            assert!(keep(value, 64).is_err(), "{value:?}");
        }
    }

    #[test]
    fn what_is_kept_takes_the_end_of_the_buffer_up_to_its_limit() {
        let mut kept = Kept::new(vec![7; 30_000].leak());
        assert_eq!(kept.keep(b"one"), Ok(c"one"));
        let long = [b'x'; 4095];
        for _ in 0..4 {
            assert_eq!(kept.keep(&long).map(CStr::count_bytes), Ok(4095));
        }
        assert!(kept.keep(&long).is_err());
        assert_eq!(kept.keep(&[b'x'; 4091]).map(CStr::count_bytes), Ok(4091));
        assert!(kept.keep(b"").is_err());
        let free = kept.into_free();
        assert_eq!(free.len(), 30_000 - 20_480);
        assert!(free.iter().all(|&byte| byte == 7));
        assert_eq!(keep(b"four", 5), Ok(c"four"));
        assert!(keep(b"four", 4).is_err());
    }
}
