//! `guest-set-memory-blocks`: takes blocks of memory into use and out of it.
//!
//! Schema 10.0, since 2.3.
//! Arguments: `mem-blks`, a list of `phys-index`, `online`, and `can-offline`, which is not looked at.
//! Returns: for each element, in its order, `phys-index`, `response`, and `error-code`, the error number, if the response
//! is not `success`. The responses: `success`, also for a block that is in its state already; `not-found`;
//! `operation-not-supported` where there are no blocks that can be switched; `operation-failed`.
//! Errors: none but those of the arguments.
//! Differs from qemu-ga in that `/sys` need not be mounted (differences.md: sys-not-mounted).
//! Needs [`MemoryBlocks`]; does not run while frozen; one block a step, whose result is written before the next is
//! switched, so any number of blocks needs no more memory than one.

use super::{Context, Cursor, Done, Flags, Handler, Obstacle, Reply, Step};
use crate::args::{Elements, List};
use crate::arguments;
use crate::error::Error;
use crate::guest::{MemoryBlocks, MemorySetError};
use crate::json::write::Writer;
use crate::limits::least;

/// The most that a result takes in the reply. A step must not be taken back, because it has switched the block.
const RESULT_BYTES: usize = 128;
const _: () = assert!(RESULT_BYTES <= least::OUTPUT_BYTES / 2);

arguments! {
    /// A block, and the state it is to have.
    pub struct MemoryBlockArgument {
        /// Its number.
        "phys-index" => index: u64,
        /// Whether it is to be in use.
        "online" => online: bool,
        /// As guest-get-memory-blocks tells it; here it means nothing.
        "can-offline" => can_offline: Option<bool>,
    }
}

arguments! {
    /// `guest-set-memory-blocks`.
    pub struct SetMemoryBlocksArguments<'a> {
        /// The blocks.
        "mem-blks" => blocks: List<'a, MemoryBlockArgument>,
    }
}

/// `guest-set-memory-blocks`.
#[derive(Debug)]
pub struct SetMemoryBlocks;

impl<G: MemoryBlocks + 'static> Handler<G> for SetMemoryBlocks {
    const NAME: &'static str = "guest-set-memory-blocks";
    const FLAGS: Flags = Flags::ACTS_IN_STEPS;
    const OBSTACLE: Option<Obstacle<G>> = Some(G::memory_blocks_obstacle);
    type Arguments<'a> = SetMemoryBlocksArguments<'a>;

    /// Only begins the reply: the cursor is the place of the next element, and whether there was one before it.
    fn run<'a>(
        SetMemoryBlocksArguments { blocks }: SetMemoryBlocksArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        Ok(reply.steps(|writer| {
            writer.raw(b"[");
            Cursor([blocks.elements().place_in(context.arguments), 0, 0, 0, 0, 0])
        }))
    }

    /// Switches one block, or ends the reply.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let Cursor([place, begun, ..]) = cursor;
        let mut elements = Elements::<MemoryBlockArgument>::resume(context.arguments, *place);
        let Some(block) = elements.next() else {
            writer.raw(b"]");
            return Step::Done;
        };
        if *begun != 0 {
            writer.raw(b", ");
        }
        let (response, errno) = match context.guest.set_memory_block(block.index, block.online) {
            Ok(()) => ("success", None),
            Err(MemorySetError::NotFound(errno)) => ("not-found", Some(errno)),
            Err(MemorySetError::NotSupported(errno)) => ("operation-not-supported", Some(errno)),
            Err(MemorySetError::Failed(errno)) => ("operation-failed", Some(errno)),
        };
        writer.object(|object| {
            object.member("phys-index").unsigned(block.index);
            object.member("response").text(response.as_bytes());
            if let Some(errno) = errno {
                object.member("error-code").integer(i64::from(errno.number()));
            }
        });
        *place = elements.place_in(context.arguments);
        *begun = 1;
        Step::More
    }
}
