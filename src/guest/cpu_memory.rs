//! Processors and memory that can be switched on and off.

use super::ListPlace;
use crate::errno::Errno;

/// A processor of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// The number that the guest's kernel has given it.
    pub id: i64,
    /// It is in use.
    pub is_online: bool,
    /// It can be taken out of use.
    pub can_offline: bool,
}

/// Why processors can not be listed or switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuError {
    /// There is no list of them.
    List(Errno),
    /// The processor of that number can not be had: `ENOENT` if there is none.
    Find(i64, Errno),
    /// Its state can not be had.
    OpenState(i64, Errno),
    /// Its state can not be read.
    ReadState(i64, Errno),
    /// Its state is empty.
    NoState(i64),
    /// It refuses the state.
    WriteState(i64, Errno),
    /// It is one that always is in use.
    AlwaysOnline(i64),
}

/// Processors that can be switched on and off.
pub trait Cpus {
    /// Gives each processor from a place on to `visit`, with the place behind it, until that answers false. `buffer` is
    /// room to work in.
    ///
    /// # Errors
    /// Of these only `List`, `OpenState`, `ReadState` and `NoState`.
    fn cpus(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&Cpu, ListPlace) -> bool,
    ) -> Result<(), CpuError>;

    /// Brings a processor into the state, if it is not in it.
    ///
    /// # Errors
    /// All but `List`.
    fn set_cpu(&mut self, id: i64, online: bool) -> Result<(), CpuError>;

    /// Why none of this can work in this guest now, if that is known.
    fn cpus_obstacle(&mut self) -> Option<&'static str> {
        None
    }
}

/// A block of memory that is switched as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBlock {
    /// Its number: its address in units of the size of a block.
    pub index: u64,
    /// It is in use.
    pub is_online: bool,
    /// The guest thinks that it can be taken out of use.
    pub can_offline: bool,
}

/// Why memory blocks can not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryListError {
    /// There is no list of them: `ENOENT` if the guest's kernel does not know memory blocks.
    List(Errno),
    /// The state of a block can not be had.
    OpenState(u64, Errno),
    /// The state of a block can not be read.
    ReadState(u64, Errno),
    /// The state of a block is empty.
    NoState(u64),
}

/// Why a memory block can not be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySetError {
    /// There is no such block.
    NotFound(Errno),
    /// This one can not be switched.
    NotSupported(Errno),
    /// The guest refuses, or its answer makes no sense.
    Failed(Errno),
}

/// Memory that can be switched on and off, block by block.
pub trait MemoryBlocks {
    /// Gives each block from a place on to `visit`, with the place behind it, until that answers false. `buffer` is room
    /// to work in.
    ///
    /// # Errors
    /// Those of the type.
    fn memory_blocks(
        &mut self,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&MemoryBlock, ListPlace) -> bool,
    ) -> Result<(), MemoryListError>;

    /// Brings a block into the state, if it is not in it.
    ///
    /// # Errors
    /// Those of the type.
    fn set_memory_block(&mut self, index: u64, online: bool) -> Result<(), MemorySetError>;

    /// Why blocks can neither be switched nor have a size in this guest now, if that is known.
    fn memory_blocks_obstacle(&mut self) -> Option<&'static str> {
        None
    }

    /// The size of every block, in bytes.
    ///
    /// # Errors
    /// The guest does not tell.
    fn memory_block_size_bytes(&mut self) -> Result<u64, Errno>;
}
