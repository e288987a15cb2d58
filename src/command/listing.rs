//! Lists that a platform gives item by item, written in the steps of a reply: any number of items needs no more memory
//! than one.
//!
//! The first piece is written by [`begin`], which also looks at what does not fit into it, so that an error is told as
//! one. An item that fails after that, with the first piece on its way, ends the list.

use super::{Cursor, Done, Reply, Step};
use crate::guest::ListPlace;
use crate::json::write::Writer;
use crate::limits::least;

/// The most that an item may take in the reply, in bytes, with the comma and the bracket around it.
pub const ITEM_BYTES: usize = 128;
// What is before the list in the first piece takes less than the rest of this.
const _: () = assert!(ITEM_BYTES <= least::OUTPUT_BYTES / 4);

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
    let mut result = Ok(());
    let done = reply.steps(|writer| {
        let mut listing = Listing::default();
        writer.raw(b"[");
        result = listing.write(true, list, write, writer);
        listing.pack()
    });
    result.map(|()| done)
}

/// Writes the next piece of a list that was begun, or ends it.
pub fn step<T, E>(
    cursor: &mut Cursor,
    list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
    write: impl Fn(T, &mut Writer<'_>),
    writer: &mut Writer<'_>,
) -> Step {
    let mut listing = Listing::unpack(*cursor);
    if listing.ended {
        writer.raw(b"]");
        return Step::Done;
    }
    listing.ended = listing.write(false, list, write, writer).is_err() || listing.ended;
    *cursor = listing.pack();
    Step::More
}

impl Listing {
    fn pack(self) -> Cursor {
        let ListPlace([first, second]) = self.place;
        Cursor([first, second, i64::from(self.begun), i64::from(self.ended), 0, 0])
    }

    fn unpack(Cursor([first, second, begun, ended, ..]): Cursor) -> Self {
        Listing { place: ListPlace([first, second]), begun: begun != 0, ended: ended != 0 }
    }

    /// Writes as many items as fit. The rest is looked at if `check_rest`, for the errors that there may be.
    fn write<T, E>(
        &mut self,
        check_rest: bool,
        list: impl FnOnce(ListPlace, Visit<'_, T>) -> Result<(), E>,
        write: impl Fn(T, &mut Writer<'_>),
        writer: &mut Writer<'_>,
    ) -> Result<(), E> {
        let mut fits = true;
        list(self.place, &mut |item, place| {
            fits &= writer.free() >= ITEM_BYTES;
            if !fits {
                return check_rest;
            }
            if self.begun {
                writer.raw(b", ");
            }
            write(item, writer);
            self.begun = true;
            self.place = place;
            true
        })?;
        self.ended = fits;
        Ok(())
    }
}
