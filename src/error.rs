//! What goes wrong and is told to the client. (That the line is gone is the transport's own error.)
//!
//! An error's text is put together from [`Part`]s that borrow what they quote, from the request or from what the
//! platform holds, so an error needs no buffer of its own. What it quotes is cut at
//! [`ERROR_TEXT_BYTES`](crate::limits::ERROR_TEXT_BYTES).

use crate::args::{Path, Text};
use crate::errno::{self, Errno};
use crate::json::write::{Writer, decimal};

/// The class of an error, `class` on the wire (QapiErrorClass, schema 10.0). The other three classes of the schema are
/// never sent by an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Everything but the next one.
    GenericError,
    /// The command does not exist, or may not run now.
    CommandNotFound,
}

impl Class {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Class::GenericError => "GenericError",
            Class::CommandNotFound => "CommandNotFound",
        }
    }
}

/// A piece of an error's text.
#[derive(Clone, Copy, Debug, Default)]
pub enum Part<'a> {
    /// Nothing at all.
    #[default]
    Nothing,
    /// Fixed words.
    Words(&'static str),
    /// A string argument.
    Text(Text<'a>),
    /// Bytes of any kind, such as a file name.
    Bytes(&'a [u8]),
    /// A number.
    Integer(i64),
    /// A number.
    Unsigned(u64),
    /// The text of an error number.
    Errno(Errno),
    /// The name of an argument, with its place in a list.
    Path(Path),
}

macro_rules! part_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl<'a> From<$from> for Part<'a> {
            fn from(value: $from) -> Self {
                Part::$variant(value)
            }
        })*
    };
}

part_from! {
    &'static str => Words,
    Text<'a> => Text,
    &'a [u8] => Bytes,
    i64 => Integer,
    u64 => Unsigned,
    Errno => Errno,
    Path => Path,
}

/// How many pieces that vary the text of an error may have.
pub const PARTS: usize = 4;

/// Where a piece that varies stands between the words of an error.
const PLACE: u8 = 0;

/// An error that the client is told. Small and plain; see the head of the module.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Error<'a> {
    /// The class.
    pub class: Class,
    /// The words that are always the same, with a NUL where a part belongs.
    words: &'static str,
    parts: [Part<'a>; PARTS],
}

/// Makes a `GenericError` from the pieces of its text: `error!["value '", count, "' is invalid"]`. At most four of them may be
/// something else than a literal.
#[macro_export]
macro_rules! error {
    (@ [$($words:literal)*] [$($part:expr,)*]) => {
        $crate::error::Error::new(concat!($($words),*), [$($crate::error::Part::from($part)),*])
    };
    (@ [$($words:literal)*] [$($part:expr,)*] $next:literal $(, $($rest:tt)*)?) => {
        $crate::error!(@ [$($words)* $next] [$($part,)*] $($($rest)*)?)
    };
    (@ [$($words:literal)*] [$($part:expr,)*] $next:expr $(, $($rest:tt)*)?) => {
        $crate::error!(@ [$($words)* "\0"] [$($part,)* $next,] $($($rest)*)?)
    };
    ($($piece:tt)+) => {
        $crate::error!(@ [] [] $($piece)+)
    };
}

impl Default for Error<'_> {
    /// The error of what failed without a word.
    fn default() -> Self {
        error!["no reason was given"]
    }
}

impl<'a> Error<'a> {
    /// A `GenericError` with a part for each NUL in `words`, as [`error!`](crate::error!) makes it. More than four parts do not
    /// compile.
    #[inline(never)] // smaller so
    pub fn new<const N: usize>(words: &'static str, parts: [Part<'a>; N]) -> Self {
        const { assert!(N <= PARTS, "an error has at most four parts that vary") };
        let mut filled = [Part::Nothing; PARTS];
        for (to, from) in filled.iter_mut().zip(parts) {
            *to = from;
        }
        Error { class: Class::GenericError, words, parts: filled }
    }

    /// The same, of another class.
    pub fn of_class(self, class: Class) -> Self {
        Error { class, ..self }
    }

    /// Gives the text in pieces, each part of it as one or more.
    pub fn pieces(&self, piece: &mut dyn FnMut(&[u8])) {
        self.each(&mut |part| part.pieces(piece));
    }

    /// Gives the words and the parts in their order.
    fn each(&self, take: &mut dyn FnMut(Part<'a>)) {
        let mut parts = self.parts.iter();
        let mut words = self.words;
        while let Some(at) = words.bytes().position(|byte| byte == PLACE)
            && let Some((before, rest)) = words.split_at_checked(at)
        {
            take(Part::Words(before));
            take(parts.next().copied().unwrap_or_default());
            words = rest.get(1..).unwrap_or_default();
        }
        take(Part::Words(words));
    }

    /// Writes the text as the inside of a JSON string. What it quotes is cut after `limit` bytes each; its own words are
    /// not, because clients look for them.
    pub fn write(&self, limit: usize, writer: &mut Writer<'_>) {
        self.each(&mut |part| {
            let mut left = limit;
            match part {
                Part::Text(_) | Part::Bytes(_) => part.pieces(&mut |piece| cut(piece, &mut left, writer)),
                words => words.pieces(&mut |piece| writer.escaped(piece)),
            }
        });
    }
}

impl Part<'_> {
    /// Gives the text in pieces.
    pub fn pieces(self, piece: &mut dyn FnMut(&[u8])) {
        match self {
            Part::Nothing => {}
            Part::Words(words) => piece(words.as_bytes()),
            Part::Text(text) => text.runs().for_each(piece),
            Part::Bytes(bytes) => piece(bytes),
            Part::Integer(value) => {
                if value < 0 {
                    piece(b"-");
                }
                piece(decimal(value.unsigned_abs(), &mut [0; 20]));
            }
            Part::Unsigned(value) => piece(decimal(value, &mut [0; 20])),
            Part::Errno(errno) => match errno.text() {
                Some(text) => piece(text),
                None => {
                    piece(errno::WITHOUT_TEXT.as_bytes());
                    piece(decimal(u64::from(errno.number().unsigned_abs()), &mut [0; 20]));
                }
            },
            Part::Path(path) => path.pieces(piece),
        }
    }
}

/// Writes as much of `bytes` as the limit leaves, without splitting a character.
fn cut(bytes: &[u8], left: &mut usize, writer: &mut Writer<'_>) {
    let mut length = bytes.len().min(*left);
    while length < bytes.len() && bytes.get(length).is_some_and(|&next| next & 0xC0 == 0x80) && length > 0 {
        length = length.saturating_sub(1);
    }
    *left = if length < bytes.len() { 0 } else { left.saturating_sub(length) };
    writer.escaped(bytes.get(..length).unwrap_or_default());
}
