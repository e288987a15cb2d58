//! `guest-get-memory-block-info`: what all blocks of memory have in common.
//!
//! Schema 10.0, since 2.3.
//! Arguments: none.
//! Returns: `size`, the size of a block in bytes.
//! Errors: `open("/sys/devices/system/memory/")` with the reason, for a guest that does not tell.
//! Differs from qemu-ga in that `/sys` need not be mounted (differences.md: sys-not-mounted).
//! Needs [`MemoryBlocks`]; does not run while frozen.

use super::{Context, Done, Handler, Obstacle, Reply};
use crate::args::NoArguments;
use crate::error;
use crate::error::Error;
use crate::guest::MemoryBlocks;

/// `guest-get-memory-block-info`.
#[derive(Debug)]
pub struct GetMemoryBlockInfo;

impl<G: MemoryBlocks + 'static> Handler<G> for GetMemoryBlockInfo {
    const NAME: &'static str = "guest-get-memory-block-info";
    const OBSTACLE: Option<Obstacle<G>> = Some(G::memory_blocks_obstacle);
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        match context.guest.memory_block_size_bytes() {
            Ok(bytes) => Ok(reply.object(|object| object.member("size").unsigned(bytes))),
            Err(errno) => Err(error!["open(\"/sys/devices/system/memory/\"): ", errno]),
        }
    }
}
