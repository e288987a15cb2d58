//! Memory blocks, by the files of `/sys/devices/system/memory`.

use super::Linux;
use super::lines::number;
use super::numbered::{Action, Kind, start};
use crate::errno::Errno;
use crate::guest::{ListPlace, MemoryBlock, MemoryBlocks, MemoryListError, MemorySetError};
use crate::sys::fd::OpenFlags;

const MEMORY: Kind = Kind {
    directory: c"devices/system/memory",
    word: b"memory",
    file: b"/state",
    online: b"online",
    offline: b"offline",
    removable: b"/removable",
};

impl MemoryBlocks for Linux {
    fn memory_blocks(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&MemoryBlock, ListPlace) -> bool,
    ) -> Result<(), MemoryListError> {
        let listed = MEMORY.list(&mut self.sys, from, buffer, &mut |index, state, place| {
            visit(&MemoryBlock { index, is_online: state.is_online, can_offline: state.can_offline }, place)
        });
        listed.map_err(|(action, index, errno)| match action {
            Action::Open => MemoryListError::OpenState(index, errno),
            Action::Read => MemoryListError::ReadState(index, errno),
            Action::Understand => MemoryListError::NoState(index),
            _ => MemoryListError::List(errno),
        })
    }

    fn set_memory_block(&mut self, index: u64, online: bool) -> Result<(), MemorySetError> {
        MEMORY.switch(&mut self.sys, index, online).map_err(|failure| match failure {
            (Action::Find, Errno::ENOENT) => MemorySetError::NotFound(Errno::ENOENT),
            (Action::Offline, _) => MemorySetError::NotSupported(Errno::ENOENT),
            (_, errno) => MemorySetError::Failed(errno),
        })
    }

    fn memory_blocks_obstacle(&mut self) -> Option<&'static str> {
        let is_missing = self.sys.lacks(c"/sys/devices/system/memory", MEMORY.directory);
        is_missing.then_some("no /sys/devices/system/memory")
    }

    fn memory_block_size_bytes(&mut self) -> Result<u64, Errno> {
        let file = self.sys.open(MEMORY.directory)?.open_at(c"block_size_bytes", OpenFlags::READ)?;
        let mut buffer = [0; 24];
        hexadecimal(start(&file, &mut buffer)?).ok_or(Errno::EINVAL)
    }
}

/// A number as the kernel prints it with `%lx`, up to the end of its line.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    match number(text, 16)? {
        (value, [] | [b'\n', ..]) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn the_size_of_a_block_is_read_as_the_kernel_prints_it() {
        assert_eq!(hexadecimal(b"8000000\n"), Some(128 << 20));
        assert_eq!(hexadecimal(b"8000000"), Some(128 << 20));
        assert_eq!(hexadecimal(b"80000000"), Some(2 << 30));
        for text in [&b""[..], b"\n", b"+8\n", b"0x8\n", b"8 \n", b"10000000000000000\n", b"\xFF\n"] {
            assert_eq!(hexadecimal(text), None);
        }
    }
}
