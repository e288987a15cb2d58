//! Whether a complete request can be run, and the long text that an incomplete one is full of.

use super::{Fault, Machine, Member, Problem, Span, TextUse};
use crate::args::Text;
use crate::error;
use crate::error::Error;

/// Why a complete request is none.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'m> {
    /// What is wrong with it.
    pub error: Error<'m>,
    /// Whether `id` goes with the error.
    pub echo: bool,
}

/// A request, ready to run.
#[derive(Debug)]
pub struct Parts<'m> {
    /// The name of the command.
    pub name: &'m [u8],
    /// The arguments, an object in canonical form.
    pub arguments: &'m [u8],
    /// The `id` in the form in which it is echoed; empty if there was none.
    pub id: &'m [u8],
    /// Room for the command.
    pub scratch: &'m mut [u8],
}

/// A text among the arguments that fills the buffer before its end.
#[derive(Debug)]
pub struct LongText<'m> {
    /// The command, if its name came already.
    pub command: Option<&'m [u8]>,
    /// The arguments that came before, as far as they go.
    pub before: &'m [u8],
    /// The name of the argument.
    pub member: &'m [u8],
    /// What came of it since the last drain.
    pub text: &'m [u8],
    /// Room to work in.
    pub scratch: &'m mut [u8],
}

impl Machine<'_> {
    /// Why the request that [`super::Event::Complete`] announced can not be run; `None` if it can.
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        let told = |error, echo| Some(Refusal { error, echo });
        match self.problem {
            Some(Problem::Stray) => return told(self.problem_error(Problem::Stray), false),
            problem if self.too_long => return told(self.problem_error(Problem::TooLong), problem.is_none()),
            Some(problem) => return told(self.problem_error(problem), false),
            None if !self.is_object => return told(error!["QMP input must be a JSON object"], false),
            None => {}
        }
        let words = match (self.fault, self.execute) {
            (None, Some(_)) => return None,
            (None, None) => "lacks member 'execute'",
            (Some((_, Fault::ExecuteIsNoText)), _) => "member 'execute' must be a string",
            (Some((_, Fault::ArgumentsAreNoObject)), _) => "member 'arguments' must be an object",
            (Some((_, Fault::Unexpected(span))), _) => {
                let name = Text::from_escaped(self.hold.bytes(span));
                return told(error!["QMP input member '", name, "' is unexpected"], true);
            }
        };
        told(error!["QMP input ", words], true)
    }

    fn problem_error(&self, problem: Problem) -> Error<'_> {
        let quoted = self.hold.bytes(Span { start: 0, end: self.quoted });
        let too_long = |what, capacity| {
            let capacity = u64::try_from(capacity).unwrap_or(u64::MAX);
            error!["JSON token size limit exceeded: ", what, " holds at most ", capacity, " bytes"]
        };
        // The words before and behind what is quoted.
        let (before, quoted, behind): (_, &[u8], _) = match problem {
            Problem::Stray => ("stray '", self.lexer.token_text(), "'"),
            Problem::ExpectingValue => ("expecting value", b"", ""),
            Problem::InvalidKeyword => ("invalid keyword '", quoted, "'"),
            Problem::KeyNotString => ("key is not a string in object", b"", ""),
            Problem::MissingColon => ("missing : in object pair", b"", ""),
            Problem::SeparatorInObject => ("expected separator in dict", b"", ""),
            Problem::SeparatorInArray => ("expected separator in list", b"", ""),
            Problem::DuplicateKey => ("duplicate key", b"", ""),
            Problem::InvalidEscape => ("invalid escape sequence in string", b"", ""),
            Problem::InvalidUnicode => ("", quoted, " is not a valid Unicode character"),
            Problem::InvalidUtf8 => ("invalid UTF-8 sequence in string", b"", ""),
            Problem::Nesting => return error!["JSON nesting depth limit exceeded"],
            Problem::TooManyKeys => return error!["JSON token count limit exceeded"],
            Problem::TooLong => return too_long("a request", self.hold.capacity()),
            Problem::IdTooLong => return too_long("an id", self.hold.id_capacity()),
        };
        error!["JSON parse error, ", before, quoted, behind]
    }

    /// The request that is complete, in its parts. Without `arguments` they are an empty object.
    pub fn parts(&mut self) -> Parts<'_> {
        let (execute, arguments) = (self.execute.unwrap_or_default(), self.arguments);
        let (held, id, scratch) = self.hold.parts();
        let at = |span: Span| held.get(span.start..span.end).unwrap_or_default();
        Parts { name: at(execute), arguments: arguments.map_or(b"{}", at), id, scratch }
    }

    /// The name of the command, of a request that is one.
    pub fn name(&self) -> &[u8] {
        self.hold.bytes(self.execute.unwrap_or_default())
    }

    /// The `id` of the request in the form in which it is echoed; empty if there was none.
    pub fn id(&self) -> &[u8] {
        if self.has_id { self.hold.id() } else { b"" }
    }

    /// The text that [`super::Event::Full`] announced, if it is the value of an argument itself.
    pub fn long_text(&mut self) -> Option<LongText<'_>> {
        let arguments = self.arguments?;
        if self.member != Member::Arguments || self.text != TextUse::Value || self.grammar.depth() != 2 {
            return None;
        }
        let key = self.hold.last_key_span()?;
        let (execute, text_start) = (self.execute, self.text_start);
        let (held, scratch) = self.hold.split();
        Some(LongText {
            command: execute.and_then(|span| held.get(span.start..span.end)),
            // The quote before the name is left out.
            before: held.get(arguments.start..key.start.saturating_sub(1))?,
            member: held.get(key.start..key.end)?,
            text: held.get(text_start..)?,
            scratch,
        })
    }

    /// Forgets what came of the long text: it has been taken elsewhere.
    pub fn drained(&mut self) {
        self.hold.truncate(self.text_start);
    }

    /// Refuses the request because of its long text; the rest of it is skipped.
    pub fn refuse_long_text(&mut self) {
        self.give_up_holding();
    }
}
