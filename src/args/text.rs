//! String arguments, as they stand in the request buffer.

use core::ffi::CStr;

use crate::bytes::{position, put};
use crate::json::text::unescaped;

/// A string argument, still in the request buffer. It is not a `&str`, because quotes and backslashes in it are escaped
/// there; it compares, iterates and copies as the real bytes. Two that are equal are so as they stand there, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// A text as it stands between the quotes of canonical JSON.
    pub const fn from_escaped(escaped: &'a [u8]) -> Self {
        Text(escaped)
    }

    /// The text as it stands there. Of what holds neither quotes nor backslashes, and for what may hold neither, that is the
    /// text.
    pub const fn escaped(self) -> &'a [u8] {
        self.0
    }

    /// The text in pieces.
    pub fn runs(self) -> Runs<'a> {
        Runs { rest: self.0 }
    }

    /// The text in one piece, if it holds neither quotes nor backslashes.
    pub fn as_plain(self) -> Option<&'a [u8]> {
        if unescaped(self.0) < self.0.len() { None } else { Some(self.0) }
    }

    /// The place of the text in a list of words, which stand between single blanks, and have no quotes or backslashes.
    pub fn position(self, list: &[u8]) -> Option<usize> {
        position(list, self.as_plain()?)
    }

    /// Copies the text into `buffer`. `None` if it does not fit.
    pub fn copy_to(self, buffer: &mut [u8]) -> Option<&mut [u8]> {
        let mut length = 0_usize;
        for run in self.runs() {
            length = put(buffer, length, run)?;
        }
        buffer.get_mut(..length)
    }
}

/// A text that is no C string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCString {
    /// It holds a NUL.
    Nul,
    /// It does not fit into the buffer.
    TooLong,
}

impl<'a> Text<'a> {
    /// Copies the text into `buffer`, with a NUL behind it.
    ///
    /// # Errors
    /// It holds a NUL of its own, or does not fit.
    pub fn c_string(self, buffer: &mut [u8]) -> Result<&CStr, NoCString> {
        let (last, room) = buffer.split_last_mut().ok_or(NoCString::TooLong)?;
        *last = 0;
        let length = self.copy_to(room).ok_or(NoCString::TooLong)?.len();
        *buffer.get_mut(length).ok_or(NoCString::TooLong)? = 0;
        let text = CStr::from_bytes_until_nul(buffer).unwrap_or_default();
        if text.count_bytes() == length { Ok(text) } else { Err(NoCString::Nul) }
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        *self == *other.as_bytes()
    }
}

impl PartialEq<[u8]> for Text<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        let mut rest = other;
        for run in self.runs() {
            match rest.strip_prefix(run) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// The pieces of a [`Text`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Runs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        // Only `\"` and `\\` are escaped in canonical form: the character is the byte behind the backslash.
        let start = usize::from(self.rest.first() == Some(&b'\\'));
        let text = self.rest.get(start..).filter(|text| !text.is_empty())?;
        let length = unescaped(text.get(start..)?).saturating_add(start);
        let (run, rest) = text.split_at_checked(length)?;
        self.rest = rest;
        Some(run)
    }
}
