//! Tokens to requests: holds what fits, lets long texts be drained, skips what it refuses, and resynchronises.
//!
//! A request is complete when its brackets are closed, as QEMU counts them; until then no complaint about its grammar is
//! told. [`Machine::feed`] takes bytes in any cut. Of a request it keeps the command's name, `arguments` in canonical
//! form (double quotes, no blanks, escapes resolved but `\"` and `\\`) and the names of all members that are open,
//! because a repeated name is an error; `id` is kept apart, in the form in which it is echoed.
//!
//! Nothing here allocates, and nothing depends on how long the input is: a text that does not fit is announced by
//! [`Event::Full`], and is either drained by the agent, piece by piece, or makes the request a refused one, which is
//! skipped to its closing brace.

mod grammar;
mod hold;
mod order;
mod outcome;

use crate::json::lex::{Lexer, Token};
use crate::json::text::plain_run;
use crate::limits::NESTING;
use grammar::Grammar;
use hold::Hold;
pub use hold::Key;
pub use outcome::{LongText, Parts, Refusal};

/// What [`Machine::feed`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The input is used up in the middle of a request, or between requests.
    More,
    /// The buffer is full in the middle of a text; see [`Machine::long_text`].
    Full,
    /// A request ended; see [`Machine::refusal`] and [`Machine::parts`].
    Complete,
}

/// Why a request is refused before its command is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Stray,
    ExpectingValue,
    InvalidKeyword,
    KeyNotString,
    MissingColon,
    SeparatorInObject,
    SeparatorInArray,
    DuplicateKey,
    InvalidEscape,
    InvalidUnicode,
    InvalidUtf8,
    Nesting,
    TooManyKeys,
    TooLong,
    IdTooLong,
}

/// The member of the request that the parser is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Execute,
    Arguments,
    Id,
    Other,
}

/// What is wrong with the request as a whole, although it is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ExecuteIsNoText,
    ArgumentsAreNoObject,
    Unexpected(Span),
}

/// A part of the request buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// The slices that a [`Machine`] works in. See [`crate::limits::least`] for how small they may be.
#[derive(Debug)]
pub struct Storage<'b> {
    /// The request in canonical form; its end is kept free as scratch.
    pub request: &'b mut [u8],
    /// How much of `request` stays free, in bytes.
    pub scratch_bytes: usize,
    /// The echoed `id`.
    pub id: &'b mut [u8],
    /// The start of the current token, for error messages.
    pub token: &'b mut [u8],
    /// The members of all objects that are open.
    pub keys: &'b mut [Key],
    /// One bit for each level of nesting.
    pub nesting: &'b mut [u8],
}

/// The request machine; see the head of the module.
#[derive(Debug)]
pub struct Machine<'b> {
    lexer: Lexer<'b>,
    grammar: Grammar<'b>,
    hold: Hold<'b>,
    problem: Option<Problem>,
    /// The request does not fit; what is told, unless a stray byte ends it.
    too_long: bool,
    /// Length of what the problem quotes, at the start of the request buffer.
    quoted: usize,
    member: Member,
    /// The fault that is told, and the bucket of its member: the lowest one wins.
    fault: Option<(u32, Fault)>,
    is_object: bool,
    execute: Option<Span>,
    arguments: Option<Span>,
    has_id: bool,
    /// Where the text or key begins that is being held.
    text_start: usize,
    text: TextUse,
    in_number: bool,
    complete: bool,
}

/// What the text at hand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextUse {
    None,
    Key,
    Value,
}

impl<'b> Machine<'b> {
    /// A machine at the start of a stream.
    pub fn new(storage: Storage<'b>) -> Self {
        let Storage { request, scratch_bytes, id, token, keys, nesting } = storage;
        Machine {
            lexer: Lexer::new(token),
            grammar: Grammar::new(nesting, NESTING),
            hold: Hold::new(request, scratch_bytes, id, keys),
            problem: None,
            too_long: false,
            quoted: 0,
            member: Member::Other,
            fault: None,
            is_object: false,
            execute: None,
            arguments: None,
            has_id: false,
            text_start: 0,
            text: TextUse::None,
            in_number: false,
            complete: false,
        }
    }

    /// Forgets everything, as when the host hung up in the middle of a request.
    pub fn reset(&mut self) {
        self.lexer.reset();
        self.next_request();
    }

    /// Whether it is between two requests: none has begun.
    pub fn is_at_rest(&self) -> bool {
        self.complete || self.grammar.is_closed()
    }

    /// Overwrites what is held of the request that is complete, or was forgotten, and all that was held before it, with
    /// `scratch_bytes` behind it.
    pub fn wipe(&mut self, scratch_bytes: usize) {
        self.lexer.wipe();
        self.hold.wipe(scratch_bytes);
    }

    /// The room that [`Parts::scratch`] has at the least.
    pub fn scratch_bytes(&self) -> usize {
        self.hold.scratch_bytes()
    }

    fn next_request(&mut self) {
        self.grammar.reset();
        self.hold.reset();
        self.problem = None;
        self.too_long = false;
        self.quoted = 0;
        self.member = Member::Other;
        self.fault = None;
        self.is_object = false;
        self.execute = None;
        self.arguments = None;
        self.has_id = false;
        self.text = TextUse::None;
        self.in_number = false;
        self.complete = false;
    }

    /// Takes bytes up to the end of the next request. Answers how many were used.
    ///
    /// After [`Event::Complete`] the request stays readable until the next call. After [`Event::Full`] call
    /// [`Machine::drained`] or [`Machine::refuse_long_text`] first. The work of one call is bounded by the length of
    /// `input`.
    pub fn feed(&mut self, input: &[u8]) -> (usize, Event) {
        if self.complete {
            self.next_request();
        }
        if self.lexer.is_between_tokens()
            && self.grammar.is_at_start()
            && let Some((name, used)) = bare(input)
            // Else the names of its members may not fit as well.
            && used <= self.hold.free()
            && self.hold.put(name).is_ok()
        {
            self.execute = Some(Span { start: 0, end: self.hold.used() });
            self.is_object = true;
            self.complete = true;
            return (used, Event::Complete);
        }
        let mut used = 0_usize;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            let window = match self.window(rest) {
                Some(window) => window,
                None => return (used, Event::Full),
            };
            let (length, token) = self.lexer.next(window);
            used = used.saturating_add(length);
            if token == Token::More {
                if used < input.len() {
                    continue;
                }
                return (used, Event::More);
            }
            if self.token(token) {
                self.complete = true;
                return (used, Event::Complete);
            }
        }
    }

    /// As much of `rest` as surely fits, so that a piece of text is never lost between here and a drain. `None` if the
    /// buffer is full.
    fn window<'i>(&self, rest: &'i [u8]) -> Option<&'i [u8]> {
        let holds = self.text == TextUse::Value && self.member == Member::Arguments;
        if !holds || self.problem.is_some() || self.too_long {
            return Some(rest);
        }
        // A character takes four bytes at most, a closing quote one.
        let free = self.hold.free().saturating_sub(8);
        if free == 0 && !rest.is_empty() { None } else { Some(rest.get(..free).unwrap_or(rest)) }
    }

    /// Takes a token; true when the request is complete.
    fn token(&mut self, token: Token<'_>) -> bool {
        match token {
            Token::More => return false,
            Token::Stray => {
                self.problem = Some(Problem::Stray);
                return true;
            }
            Token::Text(run) => {
                self.piece(run, false);
                return false;
            }
            Token::Character(character) => {
                self.piece(character.as_bytes(), true);
                return false;
            }
            Token::BadText(bad) => {
                self.bad_text(bad);
                return false;
            }
            Token::TextStart => {
                self.text_start();
                return false;
            }
            Token::Number(digits) => {
                self.number(digits);
                return false;
            }
            Token::NumberEnd { .. } => {
                self.in_number = false;
                self.value_done();
            }
            Token::TextEnd => self.text_end(),
            Token::Word(word) => self.word(word),
            Token::BadWord => self.bad_word(),
            Token::Open(container) => self.open(container),
            Token::Close(container) => self.close(container),
            Token::Colon => self.colon(),
            Token::Comma => self.comma(),
        }
        self.grammar.is_closed()
    }
}

/// The name of the command, if `input` begins with a request that has nothing else, and its length with the end of its line.
///
/// It is what clients send most, and mostly in this very form. Seen as a whole it needs nothing of the code for tokens and
/// grammar, which takes longer to get into the processor's caches than to run. Of any other form, or if not all of it is
/// there yet, that code makes the same.
fn bare(input: &[u8]) -> Option<(&[u8], usize)> {
    let (begin, rest) = input.split_first_chunk()?;
    if begin != b"{\"execute\":" {
        return None;
    }
    let rest = if let [b' ', rest @ ..] = rest { rest } else { rest };
    let [b'"', rest @ ..] = rest else { return None };
    let (name, rest) = rest.split_at_checked(plain_run(rest))?;
    let [b'"', b'}', rest @ ..] = rest else { return None };
    let rest = if let [b'\n', rest @ ..] = rest { rest } else { rest };
    Some((name, input.len().wrapping_sub(rest.len())))
}

#[cfg(test)]
mod tests;
