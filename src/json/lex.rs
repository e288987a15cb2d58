//! Bytes to tokens: a lexer that can stop and resume at any byte, never looks back and never recurses.
//!
//! It takes QEMU's dialect of JSON: strings in double or single quotes, keywords as runs of `a` to `z`, numbers by the
//! grammar of RFC 8259 (a zero takes no exponent of its own), no comments. Strings leave it decoded and in pieces, so a
//! string may be longer than any buffer. What QEMU's lexer refuses ends as [`Token::Stray`] and is followed by a search
//! for the next structural character or control byte; what QEMU's parser refuses later (escapes, malformed UTF-8) is
//! told as [`Token::BadText`] and lexing goes on, because the request only fails once its last bracket is closed.
//!
//! Memory: a few bytes of state and the buffer lent for the text of the current token, quoted by error messages.

use super::text::{BadText, Character, TextMachine, TextStep, plain_run};
use crate::bytes::put;
use crate::wipe::wipe;

/// One of the two kinds of bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `{` and `}`
    Object,
    /// `[` and `]`
    Array,
}

/// The three words JSON knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// What the lexer found. Strings and numbers come as a start (strings only), any number of pieces, and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'t> {
    /// The input is used up; nothing more is known yet.
    More,
    /// An opening bracket.
    Open(Container),
    /// A closing bracket.
    Close(Container),
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// The opening quote of a string.
    TextStart,
    /// A piece of a string: ASCII without quotes, backslashes and control characters.
    Text(&'t [u8]),
    /// One decoded character of a string, of any kind.
    Character(Character),
    /// The string is malformed in a way that fails its request, but not its tokens.
    BadText(BadText),
    /// The closing quote of a string.
    TextEnd,
    /// A piece of a number, as typed.
    Number(&'t [u8]),
    /// The number ended before the byte that comes next; `integer` when it had neither fraction nor exponent.
    NumberEnd {
        /// Neither `.` nor `e` was in it.
        integer: bool,
    },
    /// `true`, `false` or `null`.
    Word(Word),
    /// Another run of `a` to `z`; [`Lexer::token_text`] quotes it.
    BadWord,
    /// A byte that fits no token; [`Lexer::token_text`] quotes the token so far with that byte.
    Stray,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Sign,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Recovery,
    Word,
    Number(Number),
    Text,
}

/// The lexer; see the head of the module.
#[derive(Debug)]
pub struct Lexer<'b> {
    state: State,
    text: TextMachine,
    token: &'b mut [u8],
    token_length: usize,
}

impl<'b> Lexer<'b> {
    /// A lexer at the start of a stream. `token` keeps the first bytes of the current token for error messages; tokens
    /// longer than that are quoted cut.
    pub const fn new(token: &'b mut [u8]) -> Self {
        Lexer { state: State::Start, text: TextMachine::new(b'"'), token, token_length: 0 }
    }

    /// Forgets everything that came, as at the start of a stream.
    pub fn reset(&mut self) {
        self.state = State::Start;
        self.token_length = 0;
    }

    /// Whether no token has begun, and none is searched for after one that was refused.
    pub fn is_between_tokens(&self) -> bool {
        self.state == State::Start
    }

    /// Overwrites what is kept of tokens.
    pub fn wipe(&mut self) {
        wipe(self.token);
    }

    /// The current token as typed: the bytes so far, cut at the length of the buffer lent and at a NUL.
    pub fn token_text(&self) -> &[u8] {
        let text = self.token.get(..self.token_length).unwrap_or_default();
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        text.get(..end).unwrap_or_default()
    }

    /// The `\uXXXX` that the last [`BadText::Unicode`] complained of, as typed.
    pub fn bad_unicode(&self) -> &[u8] {
        self.text.bad_unicode()
    }

    /// Finds the next token in `input`. Answers how many bytes were used and the token; with [`Token::More`] all were.
    ///
    /// The work of one call is bounded by the length of `input`.
    #[inline(never)] // smaller so
    pub fn next<'t>(&mut self, input: &'t [u8]) -> (usize, Token<'t>) {
        let mut used = 0_usize;
        while let Some(&byte) = input.get(used) {
            match self.state {
                State::Start => {
                    let this = input.get(used..=used).unwrap_or_default();
                    used = used.saturating_add(1);
                    if let Some(token) = self.start(byte, this) {
                        return (used, token);
                    }
                }
                State::Recovery => {
                    if ends_recovery(byte) {
                        self.state = State::Start;
                    } else {
                        used = used.saturating_add(1);
                    }
                }
                State::Word => {
                    if !byte.is_ascii_lowercase() {
                        self.state = State::Start;
                        return (used, self.word());
                    }
                    self.remember_byte(byte);
                    used = used.saturating_add(1);
                }
                State::Number(number) => {
                    let (length, token) = self.number(number, input.get(used..).unwrap_or_default());
                    return (used.saturating_add(length), token);
                }
                State::Text => {
                    // Nearly all texts are a plain run and a quote, and need no more than this.
                    if self.text.is_plain() {
                        if self.text.is_end(byte) {
                            self.state = State::Start;
                            return (used.saturating_add(1), Token::TextEnd);
                        }
                        let rest = input.get(used..).unwrap_or_default();
                        let run = rest.get(..plain_run(rest)).unwrap_or_default();
                        if !run.is_empty() {
                            self.remember(run);
                            return (used.saturating_add(run.len()), Token::Text(run));
                        }
                    }
                    match self.text.step(byte) {
                        TextStep::Again(bad) => return (used, Token::BadText(bad)),
                        step => {
                            self.remember_byte(byte);
                            used = used.saturating_add(1);
                            if let Some(token) = self.text_token(step) {
                                return (used, token);
                            }
                        }
                    }
                }
            }
        }
        (used, Token::More)
    }

    #[inline(always)] // of one caller; smaller and faster so
    fn start<'t>(&mut self, byte: u8, this: &'t [u8]) -> Option<Token<'t>> {
        self.token_length = 0;
        let token = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return None,
            b'{' => Token::Open(Container::Object),
            b'}' => Token::Close(Container::Object),
            b'[' => Token::Open(Container::Array),
            b']' => Token::Close(Container::Array),
            b':' => Token::Colon,
            b',' => Token::Comma,
            b'"' | b'\'' => {
                self.remember_byte(byte);
                self.text = TextMachine::new(byte);
                self.state = State::Text;
                Token::TextStart
            }
            b'a'..=b'z' => {
                self.remember_byte(byte);
                self.state = State::Word;
                return None;
            }
            b'-' | b'0'..=b'9' => {
                self.remember_byte(byte);
                self.state = State::Number(match byte {
                    b'-' => Number::Sign,
                    b'0' => Number::Zero,
                    _ => Number::Digits,
                });
                Token::Number(this)
            }
            _ => return Some(self.stray(byte)),
        };
        Some(token)
    }

    fn number<'t>(&mut self, mut number: Number, input: &'t [u8]) -> (usize, Token<'t>) {
        for (length, &byte) in input.iter().enumerate() {
            let next = match (number, byte) {
                (Number::Sign, b'0') => Number::Zero,
                (Number::Sign, b'1'..=b'9') | (Number::Digits, b'0'..=b'9') => Number::Digits,
                (Number::Zero | Number::Digits, b'.') => Number::Point,
                (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
                (Number::Digits | Number::Fraction, b'e' | b'E') => Number::Exponent,
                (Number::Exponent, b'+' | b'-') => Number::ExponentSign,
                (Number::Exponent | Number::ExponentSign | Number::ExponentDigits, b'0'..=b'9') => {
                    Number::ExponentDigits
                }
                (Number::Zero, b'0'..=b'9')
                | (Number::Sign | Number::Point | Number::Exponent | Number::ExponentSign, _) => {
                    return (length.saturating_add(1), self.stray(byte));
                }
                (Number::Zero | Number::Digits | Number::Fraction | Number::ExponentDigits, _) => {
                    if length > 0 {
                        self.state = State::Number(number);
                        return (length, Token::Number(input.get(..length).unwrap_or_default()));
                    }
                    self.state = State::Start;
                    return (0, Token::NumberEnd { integer: matches!(number, Number::Zero | Number::Digits) });
                }
            };
            number = next;
            self.remember_byte(byte);
        }
        self.state = State::Number(number);
        (input.len(), Token::Number(input))
    }

    fn word(&self) -> Token<'static> {
        // A word that outgrew the buffer lent is not one of the three: a buffer of six bytes tells them apart.
        match self.token.get(..self.token_length).unwrap_or_default() {
            b"true" => Token::Word(Word::True),
            b"false" => Token::Word(Word::False),
            b"null" => Token::Word(Word::Null),
            _ => Token::BadWord,
        }
    }

    fn text_token(&mut self, step: TextStep) -> Option<Token<'static>> {
        match step {
            TextStep::Nothing => None,
            TextStep::Character(character) => Some(Token::Character(character)),
            TextStep::Again(bad) | TextStep::Bad(bad) => Some(Token::BadText(bad)),
            TextStep::End => {
                self.state = State::Start;
                Some(Token::TextEnd)
            }
            TextStep::Stray => {
                self.state = State::Recovery;
                Some(Token::Stray)
            }
        }
    }

    fn stray(&mut self, byte: u8) -> Token<'static> {
        self.remember_byte(byte);
        self.state = State::Recovery;
        Token::Stray
    }

    #[inline(never)] // smaller so
    fn remember_byte(&mut self, byte: u8) {
        if let Some(next) = self.token.get_mut(self.token_length) {
            *next = byte;
            self.token_length = self.token_length.wrapping_add(1);
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        let free = self.token.len().saturating_sub(self.token_length);
        let kept = bytes.get(..bytes.len().min(free)).unwrap_or_default();
        if let Some(end) = put(self.token, self.token_length, kept) {
            self.token_length = end;
        }
    }
}

const fn ends_recovery(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b':' | b',' | 0..=0x08 | 0x0A..=0x1F | 0xFE | 0xFF)
}
