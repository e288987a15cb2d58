//! What is kept of a request: the buffer for name, arguments and keys, the buffer for `id`, and the open keys.

use super::{Machine, Member, Problem, Span, TextUse};
use crate::bytes::put;
use crate::json::write::Writer;
use crate::wipe::wipe;

/// A member of an object that is open: where its name stands in the request buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    start: u32,
    length: u16,
    depth: u16,
}

/// More members are open than there is room for, or one has a name of more than 65535 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooManyKeys;

impl Key {
    /// No member: what to fill the slice with that is lent.
    pub const NONE: Key = Key { start: 0, length: 0, depth: 0 };
}

/// The buffers of a request.
#[derive(Debug)]
pub(super) struct Hold<'b> {
    request: &'b mut [u8],
    capacity: usize,
    used: usize,
    /// How far the buffer was used since it was last overwritten.
    touched: usize,
    id: &'b mut [u8],
    id_length: usize,
    /// The open keys, the newest first, are at its end: so next to the start of the request where that lies behind them.
    keys: &'b mut [Key],
    key_count: usize,
}

impl<'b> Hold<'b> {
    pub(super) fn new(request: &'b mut [u8], scratch_bytes: usize, id: &'b mut [u8], keys: &'b mut [Key]) -> Self {
        let capacity = request.len().saturating_sub(scratch_bytes);
        Hold { request, capacity, used: 0, touched: 0, id, id_length: 0, keys, key_count: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.used = 0;
        self.id_length = 0;
        self.key_count = 0;
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn free(&self) -> usize {
        self.capacity.saturating_sub(self.used)
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline(never)] // smaller so
    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        self.request.get(span.start..span.end).unwrap_or_default()
    }

    /// What is held, and the room behind it.
    pub(super) fn split(&mut self) -> (&[u8], &mut [u8]) {
        let (held, scratch) = self.request.split_at_mut_checked(self.used).unwrap_or_default();
        (held, scratch)
    }

    /// What is held, the `id`, and the room behind what is held.
    pub(super) fn parts(&mut self) -> (&[u8], &[u8], &mut [u8]) {
        let id = self.id.get(..self.id_length).unwrap_or_default();
        let (held, scratch) = self.request.split_at_mut_checked(self.used).unwrap_or_default();
        (held, id, scratch)
    }

    pub(super) fn id_capacity(&self) -> usize {
        self.id.len()
    }

    pub(super) fn id(&self) -> &[u8] {
        self.id.get(..self.id_length).unwrap_or_default()
    }

    /// Takes back all that was held from `start` on.
    pub(super) fn truncate(&mut self, start: usize) {
        self.used = self.used.min(start);
    }

    /// Holds a text instead of all that was held; answers how much of it fits.
    pub(super) fn replace(&mut self, text: &[u8]) -> usize {
        let kept = text.get(..text.len().min(self.capacity)).unwrap_or_default();
        put(self.request, 0, kept).unwrap_or(0)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let end = self.used.saturating_add(bytes.len());
        if end > self.capacity {
            return Err(Problem::TooLong);
        }
        self.used = put(self.request, self.used, bytes).ok_or(Problem::TooLong)?;
        self.touched = self.touched.max(end);
        Ok(())
    }

    /// The room that is promised to a command, behind what is held.
    pub(super) fn scratch_bytes(&self) -> usize {
        self.request.len().saturating_sub(self.capacity)
    }

    /// Overwrites all that was held, and `scratch_bytes` behind it. The `id` is no secret: the reply has it.
    pub(super) fn wipe(&mut self, scratch_bytes: usize) {
        let end = self.touched.saturating_add(scratch_bytes);
        wipe(self.request.get_mut(..end).unwrap_or_default());
        self.touched = 0;
    }

    #[inline(never)] // smaller so
    fn put_id(&mut self, write: impl FnOnce(&mut Writer<'_>)) -> Result<(), Problem> {
        let mut writer = Writer::new(self.id, self.id_length);
        write(&mut writer);
        self.id_length = writer.len();
        if writer.is_full() { Err(Problem::IdTooLong) } else { Ok(()) }
    }

    /// Adds a key of the object at `depth`; true if that object has it already. An error if there are too many.
    pub(super) fn add_key(&mut self, span: Span, depth: usize) -> Result<bool, TooManyKeys> {
        let depth = u16::try_from(depth).map_err(|_| TooManyKeys)?;
        let name = self.bytes(span);
        let repeated = self.open_keys().iter().take_while(|key| key.depth == depth).any(|key| {
            let start = usize::try_from(key.start).unwrap_or(usize::MAX);
            let length = usize::from(key.length);
            length == name.len() && self.bytes(Span { start, end: start.saturating_add(length) }) == name
        });
        let start = u32::try_from(span.start).map_err(|_| TooManyKeys)?;
        let length = u16::try_from(span.end.saturating_sub(span.start)).map_err(|_| TooManyKeys)?;
        let free = self.keys.len().saturating_sub(self.key_count);
        *self.keys.get_mut(..free).and_then(<[Key]>::last_mut).ok_or(TooManyKeys)? = Key { start, length, depth };
        self.key_count = self.key_count.saturating_add(1);
        Ok(repeated)
    }

    /// Forgets the keys of the object that closes at `depth`; where only they were held of it, their room as well.
    pub(super) fn close_object(&mut self, depth: usize, release: bool) {
        while let Some(key) = self.last_key()
            && usize::from(key.depth) >= depth
        {
            self.key_count = self.key_count.saturating_sub(1);
            if release {
                self.truncate(usize::try_from(key.start).unwrap_or(usize::MAX));
            }
        }
    }

    fn open_keys(&self) -> &[Key] {
        self.keys.get(self.keys.len().saturating_sub(self.key_count)..).unwrap_or_default()
    }

    fn last_key(&self) -> Option<Key> {
        self.open_keys().first().copied()
    }

    /// Where the name of the member stands that is open innermost.
    pub(super) fn last_key_span(&self) -> Option<Span> {
        let key = self.last_key()?;
        let start = usize::try_from(key.start).ok()?;
        Some(Span { start, end: start.saturating_add(usize::from(key.length)) })
    }
}

impl Machine<'_> {
    fn keep(&mut self, kept: Result<(), Problem>) {
        match kept {
            Err(Problem::TooLong) => self.give_up_holding(),
            Err(problem) => self.fail(problem),
            Ok(()) => {}
        }
    }

    /// The request does not fit: its `id` is still looked for, so that the refusal can carry it.
    pub(super) fn give_up_holding(&mut self) {
        self.too_long = true;
        match self.arguments {
            Some(arguments) if self.member == Member::Arguments => {
                self.hold.close_object(2, false);
                self.hold.truncate(arguments.start);
            }
            _ => self.hold.truncate(self.text_start),
        }
    }

    /// Whether what comes now is part of arguments that do not fit.
    pub(super) fn skips(&self) -> bool {
        self.too_long && self.member == Member::Arguments && self.grammar.depth() > 1
    }

    /// Keeps a bracket, colon or comma inside a member.
    pub(super) fn punctuation(&mut self, character: &'static [u8]) {
        if !self.is_object || self.grammar.depth() == 0 {
            return;
        }
        let kept = match self.member {
            Member::Arguments if !self.too_long => self.hold.put(character),
            Member::Id => self.hold.put_id(|writer| {
                writer.raw(character);
                if matches!(character, b":" | b",") {
                    writer.raw(b" ");
                }
            }),
            _ => Ok(()),
        };
        self.keep(kept);
    }

    /// Keeps the quote of a key or text.
    pub(super) fn quote(&mut self, is_key: bool) {
        if !self.is_object || is_key && self.grammar.depth() == 1 {
            return;
        }
        let kept = match self.member {
            Member::Arguments if !self.too_long => self.hold.put(b"\""),
            Member::Id => self.hold.put_id(|writer| writer.raw(b"\"")),
            _ => Ok(()),
        };
        self.keep(kept);
    }

    /// Keeps a number or word.
    pub(super) fn scalar(&mut self, text: &[u8]) {
        if self.problem.is_some() || !self.is_object {
            return;
        }
        let kept = match self.member {
            Member::Arguments if !self.too_long => self.hold.put(text),
            Member::Id => self.hold.put_id(|writer| writer.raw(text)),
            _ => Ok(()),
        };
        self.keep(kept);
    }

    /// Keeps a piece of a key or text; `special` if it may be a quote or backslash.
    pub(super) fn piece(&mut self, bytes: &[u8], special: bool) {
        if self.problem.is_some() {
            return;
        }
        let is_key = self.text == TextUse::Key;
        let in_id = self.member == Member::Id && !(is_key && self.grammar.depth() == 1);
        if in_id && self.is_object {
            let kept = self.hold.put_id(|writer| writer.escaped(bytes));
            self.keep(kept);
        }
        let is_name = self.member == Member::Execute && self.grammar.depth() == 1 && self.is_object;
        if self.skips() {
            return;
        }
        if is_key || is_name || (self.member == Member::Arguments && self.is_object) {
            // The name is kept as it is; what else is held is JSON.
            if special && (is_key || !is_name) && matches!(bytes, b"\"" | b"\\") {
                let kept = self.hold.put(b"\\");
                self.keep(kept);
            }
            let kept = self.hold.put(bytes);
            self.keep(kept);
        }
    }
}
