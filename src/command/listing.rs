//! Lists that a platform gives item by item, written in the steps of a reply: any number of items needs no more memory
//! than one.
//!
//! The first piece is written by [`begin`], which also looks at what does not fit into it, so that an error is told as
//! one. An item that fails after that, with the first piece on its way, ends the list. [`begin_long`] is for lists that
//! are too long to be looked through at once: what fails behind their first piece breaks the reply off.

use super::{Cursor, Done, Reply, Step};
use crate::guest::ListPlace;
use crate::json::write::{Mark, Writer};

/// What a list hands its items to, each with the place behind it. It answers whether it wants the next one.
pub type Visit<'v, T> = &'v mut dyn FnMut(T, ListPlace) -> bool;

/// Where a list stands.
#[derive(Clone, Copy, Debug, Default)]
struct Listing {
    place: ListPlace,
    /// Something was written.
    begun: bool,
    /// All of it was.
    ended: bool,
    /// The rest was looked through for errors when it was begun.
    is_checked: bool,
}

/// Begins a list: `list` gives the items from a place on, `write` writes one.
///
/// # Errors
/// Those of `list`, wherever in the list they come.
pub fn begin<T, E>(
    reply: Reply<'_, '_>,
    list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
    write: impl Fn(T, &mut Writer<'_>),
) -> Result<Done, E> {
    begin_lent(reply, |from, piece| piece.items(from, list, write))
}

/// As [`begin`], for a list that hands each item to [`Piece::item`] itself.
///
/// # Errors
/// Those of `list`, wherever in the list they come.
pub fn begin_lent<E>(
    reply: Reply<'_, '_>,
    list: impl FnOnce(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
) -> Result<Done, E> {
    Listing { is_checked: true, ..Listing::default() }.begin(reply, list)
}

/// As [`begin`], for a list that is only looked at as far as it is written.
///
/// # Errors
/// Those of `list` in the first piece.
pub fn begin_long<T, E>(
    reply: Reply<'_, '_>,
    list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
    write: impl Fn(T, &mut Writer<'_>),
) -> Result<Done, E> {
    Listing::default().begin(reply, |from, piece| piece.items(from, list, write))
}

/// Writes the next piece of a list that was begun, or ends it.
pub fn step<T, E>(
    cursor: &mut Cursor,
    list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
    write: impl Fn(T, &mut Writer<'_>),
    writer: &mut Writer<'_>,
) -> Step {
    step_lent(cursor, |from, piece| piece.items(from, list, write), writer)
}

/// As [`step`], for a list that [`begin_lent`] began.
pub fn step_lent<E>(
    cursor: &mut Cursor,
    list: impl FnOnce(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
    writer: &mut Writer<'_>,
) -> Step {
    let mut listing = Listing::unpack(*cursor);
    if listing.ended {
        writer.raw(b"]");
        return Step::Done;
    }
    match listing.write(false, list, writer) {
        Ok(()) => {}
        Err(_) if listing.is_checked => listing.ended = true,
        Err(_) => return Step::Broken,
    }
    *cursor = listing.pack();
    Step::More
}

impl Listing {
    fn pack(self) -> Cursor {
        let ListPlace([first, second]) = self.place;
        Cursor([first, second, i64::from(self.begun), i64::from(self.ended), i64::from(self.is_checked), 0])
    }

    fn unpack(Cursor([first, second, begun, ended, is_checked, _]): Cursor) -> Self {
        let place = ListPlace([first, second]);
        Listing { place, begun: begun != 0, ended: ended != 0, is_checked: is_checked != 0 }
    }

    fn begin<E>(
        mut self,
        reply: Reply<'_, '_>,
        list: impl FnOnce(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
    ) -> Result<Done, E> {
        let mut result = Ok(());
        let done = reply.steps(|writer| {
            writer.raw(b"[");
            result = self.write(true, list, writer);
            self.pack()
        });
        result.map(|()| done)
    }

    /// Writes as many items as fit.
    fn write<E>(
        &mut self,
        is_first_piece: bool,
        list: impl FnOnce(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
        writer: &mut Writer<'_>,
    ) -> Result<(), E> {
        let from = self.place;
        let check_rest = is_first_piece && self.is_checked;
        let mut piece = Piece { listing: self, writer, takes_back: is_first_piece, check_rest, is_full: false };
        list(from, &mut piece)?;
        piece.listing.ended = !piece.is_full;
        Ok(())
    }
}

/// A piece of a list that is being written.
#[derive(Debug)]
pub struct Piece<'p, 'o> {
    listing: &'p mut Listing,
    writer: &'p mut Writer<'o>,
    /// An item that does not fit is taken back. Only the first one of a later piece is not: it stays too long, for the agent
    /// to ask for it again when there is more room.
    takes_back: bool,
    /// Items behind it are looked at as well.
    check_rest: bool,
    /// There was an item that does not fit.
    is_full: bool,
}

impl Piece<'_, '_> {
    fn items<T, E>(
        &mut self,
        from: ListPlace,
        list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
        write: impl Fn(T, &mut Writer<'_>),
    ) -> Result<(), E> {
        list(from, &mut |item, place| self.item(place, |writer| write(item, writer)))
    }

    /// Has an item written, with the place behind it, if there is room; answers whether it wants the next one.
    #[inline(never)] // else it is there twice, as part of the closure that calls it and of one that nobody calls
    pub fn item(&mut self, place: ListPlace, write: impl FnOnce(&mut Writer<'_>)) -> bool {
        if !self.is_full {
            let mark = self.begin_item();
            write(self.writer);
            self.end_item(mark, place);
        }
        !self.is_full || self.check_rest
    }

    #[inline(never)] // one for all lists
    fn begin_item(&mut self) -> Mark {
        let mark = self.writer.mark();
        if self.listing.begun {
            self.writer.raw(b", ");
        }
        mark
    }

    #[inline(never)] // as above
    fn end_item(&mut self, mark: Mark, place: ListPlace) {
        self.is_full = self.writer.is_full();
        if !self.is_full {
            self.takes_back = true;
            self.listing.begun = true;
            self.listing.place = place;
        } else if self.takes_back {
            self.writer.roll_back(mark);
        }
    }
}
