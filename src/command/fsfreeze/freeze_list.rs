//! `guest-fsfreeze-freeze-list`: freezes those of the file systems that are named.
//!
//! Schema 10.0, since 2.2.
//! Arguments: `mountpoints`, a list of places where file systems are mounted; without it all are meant. Any of the places
//! of a file system will do. Names of no file system are passed over.
//! Returns and errors: as `guest-fsfreeze-freeze`.
//! Differs from qemu-ga as that does, and in that a file system is found by each of its places, not only by the first
//! (differences.md: freeze-list-any-place).
//! Needs [`Freeze`]; does not run while frozen; the list stays in the request and takes no memory of its own.

use super::answer;
use crate::args::{List, Text};
use crate::arguments;
use crate::command::{Context, Done, Handler, Reply};
use crate::error::Error;
use crate::guest::Freeze;

arguments! {
    /// `guest-fsfreeze-freeze-list`.
    pub struct FsfreezeFreezeListArguments<'a> {
        /// The places.
        "mountpoints" => places: Option<List<'a, Text<'a>>>,
    }
}

/// `guest-fsfreeze-freeze-list`.
#[derive(Debug)]
pub struct FsfreezeFreezeList;

impl<G: Freeze + 'static> Handler<G> for FsfreezeFreezeList {
    const NAME: &'static str = "guest-fsfreeze-freeze-list";
    type Arguments<'a> = FsfreezeFreezeListArguments<'a>;

    fn run<'a>(
        FsfreezeFreezeListArguments { places }: FsfreezeFreezeListArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let result = match places {
            None => context.guest.freeze(None, context.scratch),
            Some(places) => {
                let wanted = |place: &[u8]| places.elements().any(|named| named == *place);
                context.guest.freeze(Some(&wanted), context.scratch)
            }
        };
        answer(result, context.scratch, reply)
    }
}
