//! Lists that a platform gives item by item, written in the steps of a reply: any number of items needs no more memory
//! than one.
//!
//! A command that returns one and takes no arguments implements [`Listed`], and its line of the table is
//! `Row::of_list::<GetVcpus>()`. The first piece is written when it is run, which also looks at what does not fit into it, so
//! that an error is told as one. An item that fails after that, with the first piece on its way, ends the list. One that is
//! [long](Listed::IS_LONG) is only looked at as far as it is written: what fails behind its first piece breaks the reply off.

use super::{Context, Cursor, Done, Obstacle, Reply, Row, Step};
use crate::args::Refused;
use crate::error::Error;
use crate::guest::{Flags, ListPlace};
use crate::json::write::Writer;

/// A command without arguments that returns a list. `G` is the platform.
pub trait Listed<G: 'static>: 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// As [`Handler::OBSTACLE`](super::Handler::OBSTACLE).
    const OBSTACLE: Option<Obstacle<G>> = None;
    /// It is too long to be looked through before it is written.
    const IS_LONG: bool = false;

    /// Hands the items from a place on to [`Piece::item`]. The buffer is for the platform.
    ///
    /// # Errors
    /// Told to the client if they come in time: see the head of the module.
    fn list(guest: &mut G, from: ListPlace, buffer: &mut [u8], piece: &mut Piece<'_, '_>)
    -> Result<(), Error<'static>>;

    /// The host is gone: nobody wants the rest of the list.
    fn abandon(guest: &mut G) {
        let _ = guest;
    }
}

/// [`Listed::list`] of a command.
type List<G> = fn(&mut G, ListPlace, &mut [u8], &mut Piece<'_, '_>) -> Result<(), Error<'static>>;

impl<G: 'static> Row<G> {
    /// The line for a command that returns a list.
    pub const fn of_list<L: Listed<G>>() -> Self {
        Row {
            name: L::NAME,
            flags: Flags::NONE,
            long: None,
            obstacle: L::OBSTACLE,
            takes_none: true,
            run: run::<G, L>,
            step: step::<G, L>,
            abandon: |_, guest| L::abandon(guest),
        }
    }
}

fn run<'a, G, L: Listed<G>>(
    context: Context<'a, G>,
    reply: Reply<'_, '_>,
    _: &mut Refused<'a>,
) -> Option<Result<Done, Error<'a>>> {
    Some(Listing::begin(L::list, !L::IS_LONG, context, reply))
}

fn step<G, L: Listed<G>>(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
    Listing::step(L::list, cursor, context, writer)
}

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
    fn begin<'a, G>(
        list: List<G>,
        is_checked: bool,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let mut listing = Listing { is_checked, ..Listing::default() };
        let mut listed = Ok(());
        let done = reply.steps(|writer| {
            writer.raw(b"[");
            listed = listing.write(true, list, context, writer);
            listing.pack()
        });
        listed.map(|()| done)
    }

    #[inline(never)] // as above
    fn step<G>(list: List<G>, cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let mut listing = Listing::unpack(*cursor);
        if listing.ended {
            writer.raw(b"]");
            return Step::Done;
        }
        if listing.write(false, list, context, writer).is_err() {
            if !listing.is_checked {
                return Step::Broken;
            }
            listing.ended = true;
        }
        *cursor = listing.pack();
        Step::More
    }

    /// Writes as many items as fit.
    #[inline(never)] // smaller so
    fn write<G>(
        &mut self,
        is_first_piece: bool,
        list: List<G>,
        Context { guest, scratch, .. }: Context<'_, G>,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error<'static>> {
        let from = self.place;
        let check_rest = is_first_piece && self.is_checked;
        let mut piece = Piece { listing: self, writer, takes_back: is_first_piece, check_rest, is_full: false };
        list(guest, from, scratch, &mut piece)?;
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
