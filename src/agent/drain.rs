//! Long texts on their way: what fills the request buffer goes to its file or to the spool.

use super::Agent;
use crate::args::{Members, Text};
use crate::guest::Guest;
use crate::long::{Long, LongArgument, Place, no_file};
use crate::request::LongText;

impl<G: Guest + 'static> Agent<'_, G> {
    /// A text fills the request buffer: it goes to its file or to the spool, or the request is refused.
    #[inline(never)] // smaller so
    pub(super) fn drain(&mut self, guest: &mut G) {
        let Some(text) = self.machine.long_text() else { return self.machine.refuse_long_text() };
        let row = text.command.and_then(|name| self.table.find(name));
        let mut rows = self.table.rows().iter();
        let argument = match text.command {
            Some(_) => row.and_then(|row| row.long),
            None => rows.find_map(|row| row.long.filter(|long| long.member.as_bytes() == text.member)),
        };
        let argument = argument.filter(|argument| argument.member.as_bytes() == text.member);
        let allowed = row.is_none_or(|row| row.refusal(guest).is_none());
        let (Some(argument), true) = (argument, allowed) else { return self.machine.refuse_long_text() };
        let known = row.is_some();
        let begun = match self.long {
            Some(long) if long.member == argument.member => Some(long),
            Some(_) => None,
            None => begin_long(argument, known, &text, guest),
        };
        let Some(mut long) = begun else { return self.machine.refuse_long_text() };
        take_long(&mut long, argument, text, guest);
        self.long = Some(long);
        self.machine.drained();
    }
}

/// Begins to take a long text: straight to its file if everything about it is known, else to the spool.
fn begin_long<G: Guest>(argument: &LongArgument<G>, known: bool, text: &LongText<'_>, guest: &mut G) -> Option<Long> {
    let direct = argument.direct.as_ref().filter(|_| known);
    if let Some(target) = direct.and_then(|direct| (direct.target)(Members::of(text.before))) {
        return Some(Long::new(argument.member, Place::File(target)));
    }
    let spool = guest.spool()?;
    spool.clear().ok()?;
    Some(Long::new(argument.member, Place::Spool))
}

fn take_long<G: Guest>(long: &mut Long, argument: &LongArgument<G>, text: LongText<'_>, guest: &mut G) {
    let piece = Text::from_escaped(text.text);
    long.take(piece, text.scratch, guest, argument.direct.as_ref().map_or(no_file, |direct| direct.write));
}
