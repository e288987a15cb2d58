//! Lists that a platform gives item by item, written in the steps of a reply: any number of items needs no more memory
//! than one.
//!
//! The first piece is written by [`begin`], which also looks at what does not fit into it, so that an error is told as
//! one. An item that fails after that, with the first piece on its way, ends the list. [`begin_long`] is for lists that
//! are too long to be looked through at once: what fails behind their first piece breaks the reply off.

use super::{Cursor, Done, Reply, Step};
use crate::guest::ListPlace;
use crate::json::write::Writer;

/// What hands the items from a place on to [`Piece::item`]; answers whether that went without an error.
type List<'l> = &'l mut dyn FnMut(ListPlace, &mut Piece<'_, '_>) -> bool;

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

/// Begins a list: `list` hands the items from a place on to [`Piece::item`].
///
/// # Errors
/// Those of `list`, wherever in the list they come.
pub fn begin<E>(
    reply: Reply<'_, '_>,
    list: impl FnMut(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
) -> Result<Done, E> {
    begin_with(true, reply, list)
}

/// As [`begin`], for a list that is only looked at as far as it is written.
///
/// # Errors
/// Those of `list` in the first piece.
pub fn begin_long<E>(
    reply: Reply<'_, '_>,
    list: impl FnMut(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
) -> Result<Done, E> {
    begin_with(false, reply, list)
}

fn begin_with<E>(
    is_checked: bool,
    reply: Reply<'_, '_>,
    mut list: impl FnMut(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
) -> Result<Done, E> {
    let mut result = Ok(());
    let listing = Listing { is_checked, ..Listing::default() };
    let done = listing.begin(reply, &mut |from, piece| {
        result = list(from, piece);
        result.is_ok()
    });
    result.map(|()| done)
}

/// Writes the next piece of a list that was begun, or ends it.
pub fn step<E>(
    cursor: &mut Cursor,
    mut list: impl FnMut(ListPlace, &mut Piece<'_, '_>) -> Result<(), E>,
    writer: &mut Writer<'_>,
) -> Step {
    Listing::step(cursor, &mut |from, piece| list(from, piece).is_ok(), writer)
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

    #[inline(never)] // one for all lists
    fn begin(mut self, reply: Reply<'_, '_>, list: List<'_>) -> Done {
        reply.steps(|writer| {
            writer.raw(b"[");
            self.write(true, list, writer);
            self.pack()
        })
    }

    #[inline(never)] // as above
    fn step(cursor: &mut Cursor, list: List<'_>, writer: &mut Writer<'_>) -> Step {
        let mut listing = Listing::unpack(*cursor);
        if listing.ended {
            writer.raw(b"]");
            return Step::Done;
        }
        if !listing.write(false, list, writer) {
            if !listing.is_checked {
                return Step::Broken;
            }
            listing.ended = true;
        }
        *cursor = listing.pack();
        Step::More
    }

    /// Writes as many items as fit; answers whether that went without an error.
    fn write(&mut self, is_first_piece: bool, list: List<'_>, writer: &mut Writer<'_>) -> bool {
        let from = self.place;
        let check_rest = is_first_piece && self.is_checked;
        let mut piece = Piece { listing: self, writer, takes_back: is_first_piece, check_rest, is_full: false };
        let is_ok = list(from, &mut piece);
        if is_ok {
            piece.listing.ended = !piece.is_full;
        }
        is_ok
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
    /// Has an item written, with the place behind it, if there is room; answers whether it wants the next one.
    pub fn item(&mut self, place: ListPlace, write: &mut dyn FnMut(&mut Writer<'_>)) -> bool {
        if !self.is_full {
            let mark = self.writer.mark();
            if self.listing.begun {
                self.writer.raw(b", ");
            }
            write(self.writer);
            self.is_full = self.writer.is_full();
            if !self.is_full {
                self.takes_back = true;
                self.listing.begun = true;
                self.listing.place = place;
            } else if self.takes_back {
                self.writer.roll_back(mark);
            }
        }
        !self.is_full || self.check_rest
    }
}
