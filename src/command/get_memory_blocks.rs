//! `guest-get-memory-blocks`: the memory of the guest, in the blocks in which it can be switched.
//!
//! Schema 10.0, since 2.3.
//! Arguments: none.
//! Returns: a list of `phys-index`, `online` and `can-offline`, in no order; an empty one if the guest's kernel does not
//! know memory blocks. `can-offline` is what the guest thinks of it. A block that vanishes meanwhile is left out.
//! Errors: `guest reported zero memory blocks!`; the directory or file that can not be opened or read, with the reason.
//! They are told while nothing is sent: all of the list is looked through before it is begun. A block that fails after
//! that ends the list.
//! Differs from qemu-ga in that `/sys` need not be mounted (differences.md: sys-not-mounted).
//! Needs [`MemoryBlocks`]; does not run while frozen; written in steps, so thousands of blocks need no more memory than
//! one.

use super::listing::{Listed, Piece};

use crate::errno::Errno;
use crate::error;
use crate::error::{Error, Part};
use crate::guest::{ListPlace, MemoryBlock, MemoryBlocks, MemoryListError};
use crate::json::write::Writer;

/// `guest-get-memory-blocks`.
#[derive(Debug)]
pub struct GetMemoryBlocks;

/// At most 81 bytes.
fn write_block(block: &MemoryBlock, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("phys-index").unsigned(block.index);
        object.member("online").boolean(block.is_online);
        object.member("can-offline").boolean(block.can_offline);
    });
}

/// What the client is told of an error; the directories are those of Linux, as in the texts of qemu-ga.
fn told<'a>(error: MemoryListError) -> Error<'a> {
    let (call, index, errno) = match error {
        // Without a blank in front of the quote, as qemu-ga has it.
        MemoryListError::List(errno) => return error!["Can't open directory\"/sys/devices/system/memory/\": ", errno],
        MemoryListError::NoState(index) => ("pread", index, None),
        MemoryListError::OpenState(index, errno) => ("open", index, Some(errno)),
        MemoryListError::ReadState(index, errno) => ("pread", index, Some(errno)),
    };
    let why = errno.map_or(Part::Words("unexpected EOF"), Part::Errno);
    error![call, " sysfs file \"/sys/devices/system/memory/memory", index, "/state\": ", why]
}

impl<G: MemoryBlocks + 'static> Listed<G> for GetMemoryBlocks {
    const NAME: &'static str = "guest-get-memory-blocks";

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut is_empty = true;
        let listed = guest.memory_blocks(from, buffer, &mut |block, place| {
            is_empty = false;
            piece.item(place, &mut |writer| write_block(block, writer))
        });
        match listed {
            // A kernel without memory blocks, of which none are listed.
            Err(MemoryListError::List(Errno::ENOENT)) => Ok(()),
            Ok(()) if is_empty && from == ListPlace::default() => Err(error!["guest reported zero memory blocks!"]),
            listed => listed.map_err(told),
        }
    }
}
