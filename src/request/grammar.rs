//! The grammar of JSON with a bit per level instead of recursion, and the rules that lead from token to token.

use super::hold::TooManyKeys;
use super::{Fault, Machine, Member, Problem, Span, TextUse, order};
use crate::args::Text;
use crate::json::lex::{Container, Word};
use crate::json::text::BadText;

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A value; at level 0 the request itself.
    Value,
    /// A value or `]`.
    FirstElement,
    /// A key.
    Key,
    /// A key or `}`.
    FirstKey,
    Colon,
    /// A comma or the closing bracket.
    Separator,
}

/// Where the parser stands.
#[derive(Debug)]
pub(super) struct Grammar<'b> {
    /// A bit per open container, set for objects.
    objects: &'b mut [u8],
    limit: usize,
    depth: usize,
    expect: Expect,
    /// QEMU's counts of open brackets, which decide when a request is over, whatever its grammar.
    braces: i64,
    brackets: i64,
    /// A problem that shows only once the value at this depth is complete: earlier ones inside of it come first.
    pending: Option<(usize, Problem)>,
}

impl<'b> Grammar<'b> {
    pub(super) fn new(objects: &'b mut [u8], limit: usize) -> Self {
        let limit = objects.len().saturating_mul(8).min(limit);
        Grammar { objects, limit, depth: 0, expect: Expect::Value, braces: 0, brackets: 0, pending: None }
    }

    pub(super) fn reset(&mut self) {
        self.depth = 0;
        self.expect = Expect::Value;
        self.braces = 0;
        self.brackets = 0;
        self.pending = None;
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether no bracket came yet.
    pub(super) fn is_at_start(&self) -> bool {
        self.braces == 0 && self.brackets == 0
    }

    /// Whether the brackets are balanced, or will never be.
    pub(super) fn is_closed(&self) -> bool {
        let open = self.braces > 0 || self.brackets > 0;
        !open || self.braces < 0 || self.brackets < 0
    }

    fn count(&mut self, container: Container, change: i64) {
        let counter = match container {
            Container::Object => &mut self.braces,
            Container::Array => &mut self.brackets,
        };
        *counter = counter.saturating_add(change);
    }

    fn in_object(&self) -> bool {
        let level = self.depth.saturating_sub(1);
        self.objects.get(level / 8).is_some_and(|byte| byte & (1 << (level % 8)) != 0)
    }

    fn push(&mut self, container: Container) {
        if let Some(byte) = self.objects.get_mut(self.depth / 8) {
            let bit = 1 << (self.depth % 8);
            match container {
                Container::Object => *byte |= bit,
                Container::Array => *byte &= !bit,
            }
        }
        self.depth = self.depth.saturating_add(1);
        self.expect = match container {
            Container::Object => Expect::FirstKey,
            Container::Array => Expect::FirstElement,
        };
    }

    /// Why a value or key can not stand here; `None` if it can.
    fn refusal(&self) -> Option<Problem> {
        match self.expect {
            Expect::Value | Expect::FirstElement | Expect::Key | Expect::FirstKey => None,
            Expect::Colon => Some(Problem::MissingColon),
            Expect::Separator if self.in_object() => Some(Problem::SeparatorInObject),
            Expect::Separator => Some(Problem::SeparatorInArray),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.expect, Expect::Key | Expect::FirstKey)
    }
}

impl Machine<'_> {
    pub(super) fn fail(&mut self, problem: Problem) {
        if self.problem.is_none() {
            self.problem = Some(problem);
        }
    }

    /// Checks that a value or key may begin here. False if the request has failed.
    fn may_begin(&mut self) -> bool {
        if self.problem.is_none() {
            self.problem = self.grammar.refusal();
        }
        self.problem.is_none()
    }

    pub(super) fn open(&mut self, container: Container) {
        self.grammar.count(container, 1);
        if self.grammar.braces.saturating_add(self.grammar.brackets)
            > i64::try_from(self.grammar.limit).unwrap_or(i64::MAX)
        {
            // Told instead of what else may be wrong: QEMU parses nothing of such a request.
            self.problem = Some(Problem::Nesting);
            return;
        }
        if !self.may_begin() {
            return;
        }
        let depth = self.grammar.depth;
        if self.grammar.wants_key() {
            self.grammar.pending = Some((depth, Problem::KeyNotString));
        }
        match depth {
            0 => self.is_object = container == Container::Object,
            1 => self.begin_member(Some(container)),
            _ => {}
        }
        self.punctuation(match container {
            Container::Object => b"{",
            Container::Array => b"[",
        });
        self.grammar.push(container);
    }

    pub(super) fn close(&mut self, container: Container) {
        self.grammar.count(container, -1);
        if self.problem.is_some() {
            return;
        }
        let matching = self.grammar.depth > 0 && self.grammar.in_object() == (container == Container::Object);
        match self.grammar.expect {
            Expect::FirstKey | Expect::FirstElement | Expect::Separator if matching => {}
            _ => return self.fail(self.grammar.refusal().unwrap_or(Problem::ExpectingValue)),
        }
        // Outside of the arguments only the keys are held, until their object closes.
        let in_request = self.is_object && (self.grammar.depth == 1 || self.member == Member::Arguments);
        self.hold.close_object(self.grammar.depth, !in_request);
        if self.grammar.depth > 1 {
            self.punctuation(match container {
                Container::Object => b"}",
                Container::Array => b"]",
            });
        }
        self.grammar.depth = self.grammar.depth.saturating_sub(1);
        self.value_done();
    }

    pub(super) fn colon(&mut self) {
        if self.problem.is_some() {
            return;
        }
        if self.grammar.expect == Expect::Colon {
            self.grammar.expect = Expect::Value;
            if self.grammar.depth > 1 {
                self.punctuation(b":");
            }
        } else {
            self.fail(self.grammar.refusal().unwrap_or(Problem::ExpectingValue));
        }
    }

    pub(super) fn comma(&mut self) {
        if self.problem.is_some() {
            return;
        }
        if self.grammar.expect == Expect::Separator {
            self.grammar.expect = if self.grammar.in_object() { Expect::Key } else { Expect::Value };
            if self.grammar.depth > 1 {
                self.punctuation(b",");
            }
        } else {
            self.fail(self.grammar.refusal().unwrap_or(Problem::ExpectingValue));
        }
    }

    pub(super) fn text_start(&mut self) {
        if !self.may_begin() {
            return;
        }
        let is_key = self.grammar.wants_key();
        if !is_key && self.grammar.depth == 1 {
            self.begin_member(None);
        }
        if is_key || self.member != Member::Execute {
            self.quote(is_key);
        }
        self.text = if is_key { TextUse::Key } else { TextUse::Value };
        self.text_start = self.hold.used();
    }

    pub(super) fn text_end(&mut self) {
        let text = core::mem::replace(&mut self.text, TextUse::None);
        if self.problem.is_some() {
            return;
        }
        let span = Span { start: self.text_start, end: self.hold.used() };
        match text {
            TextUse::Key => {
                self.quote(true);
                self.key(span);
                self.grammar.expect = Expect::Colon;
            }
            TextUse::Value => {
                if self.grammar.depth == 1 && self.member == Member::Execute {
                    self.execute = Some(span);
                } else {
                    self.quote(false);
                }
                self.value_done();
            }
            TextUse::None => {}
        }
    }

    fn key(&mut self, span: Span) {
        let depth = self.grammar.depth;
        if self.skips() {
            return;
        }
        match self.hold.add_key(span, depth) {
            Err(TooManyKeys) => self.fail(Problem::TooManyKeys),
            Ok(true) => self.grammar.pending = Some((depth, Problem::DuplicateKey)),
            Ok(false) => {}
        }
        if depth == 1 {
            self.member = match self.hold.bytes(span) {
                b"execute" => Member::Execute,
                b"arguments" => Member::Arguments,
                b"id" => Member::Id,
                _ => {
                    self.fault(Fault::Unexpected(span));
                    Member::Other
                }
            };
        }
    }

    /// The value of a member of the request begins: `None` for anything but a container.
    fn begin_member(&mut self, container: Option<Container>) {
        if self.grammar.wants_key() || !self.is_object {
            return;
        }
        match self.member {
            Member::Execute if container.is_some() => self.fault(Fault::ExecuteIsNoText),
            Member::Arguments if container == Some(Container::Object) => {
                self.arguments = Some(Span { start: self.hold.used(), end: self.hold.used() });
            }
            Member::Arguments => self.fault(Fault::ArgumentsAreNoObject),
            Member::Id => self.has_id = true,
            Member::Execute | Member::Other => {}
        }
    }

    fn fault(&mut self, fault: Fault) {
        let bucket = order::bucket(Text::from_escaped(match fault {
            Fault::ExecuteIsNoText => b"execute",
            Fault::ArgumentsAreNoObject => b"arguments",
            Fault::Unexpected(span) => self.hold.bytes(span),
        }));
        // Of two in one bucket the later one stands first.
        if self.fault.is_none_or(|(lowest, _)| bucket <= lowest) {
            self.fault = Some((bucket, fault));
        }
    }

    pub(super) fn number(&mut self, digits: &[u8]) {
        if !self.in_number {
            self.in_number = true;
            self.begin_scalar();
        }
        self.scalar(digits);
    }

    pub(super) fn word(&mut self, word: Word) {
        self.begin_scalar();
        self.scalar(match word {
            Word::True => b"true",
            Word::False => b"false",
            Word::Null => b"null",
        });
        self.value_done();
    }

    pub(super) fn bad_word(&mut self) {
        if self.may_begin() {
            self.problem = Some(Problem::InvalidKeyword);
            self.quoted = self.hold.replace(self.lexer.token_text());
        }
    }

    pub(super) fn bad_text(&mut self, bad: BadText) {
        if self.problem.is_none() {
            self.problem = Some(match bad {
                BadText::Escape => Problem::InvalidEscape,
                BadText::Utf8 => Problem::InvalidUtf8,
                BadText::Unicode => Problem::InvalidUnicode,
            });
            if bad == BadText::Unicode {
                self.quoted = self.hold.replace(self.lexer.bad_unicode());
            }
        }
    }

    /// A number or word begins.
    fn begin_scalar(&mut self) {
        if !self.may_begin() {
            return;
        }
        if self.grammar.wants_key() {
            self.problem = Some(Problem::KeyNotString);
        } else if self.grammar.depth == 1 {
            self.begin_member(None);
            if self.member == Member::Execute && self.is_object {
                self.fault(Fault::ExecuteIsNoText);
            }
        }
    }

    /// A value is complete.
    pub(super) fn value_done(&mut self) {
        if self.problem.is_some() {
            return;
        }
        let depth = self.grammar.depth;
        if let Some((at, problem)) = self.grammar.pending
            && at == depth
        {
            return self.fail(problem);
        }
        self.grammar.expect = if depth == 0 { Expect::Value } else { Expect::Separator };
        if depth == 1
            && self.member == Member::Arguments
            && let Some(span) = &mut self.arguments
        {
            span.end = self.hold.used();
        }
    }
}
