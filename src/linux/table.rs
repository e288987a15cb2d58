//! The commands of the Linux binary: one line each, sorted by name.

use super::Linux;
#[cfg(feature = "file")]
use crate::command::file;
#[cfg(feature = "power")]
use crate::command::shutdown;
#[cfg(feature = "suspend")]
use crate::command::suspend;
use crate::command::{Row, Table, info, ping, sync, sync_delimited};
#[cfg(feature = "exec")]
use crate::command::{exec, exec_status};
#[cfg(feature = "freeze")]
use crate::command::{fsfreeze, fstrim};
#[cfg(feature = "inventory")]
use crate::command::{get_cpustats, get_disks, get_diskstats, get_fsinfo, get_host_name, get_load, get_osinfo};
#[cfg(feature = "cpu-memory")]
use crate::command::{get_memory_block_info, get_memory_blocks, get_vcpus, set_memory_blocks, set_vcpus};
#[cfg(feature = "clock")]
use crate::command::{get_time, get_timezone, set_time};
#[cfg(feature = "accounts")]
use crate::command::{get_users, set_user_password, ssh};
#[cfg(feature = "network")]
use crate::command::{network_get_interfaces, network_get_route};

/// What this build offers.
pub static TABLE: Table<Linux> = Table::new(&[
    #[cfg(feature = "exec")]
    Row::of::<exec::GuestExec>(),
    #[cfg(feature = "exec")]
    Row::of::<exec_status::ExecStatus>(),
    #[cfg(feature = "file")]
    Row::of::<file::close::FileClose>(),
    #[cfg(feature = "file")]
    Row::of::<file::flush::FileFlush>(),
    #[cfg(feature = "file")]
    Row::of::<file::open::FileOpen>(),
    #[cfg(feature = "file")]
    Row::of::<file::read::FileRead>(),
    #[cfg(feature = "file")]
    Row::of::<file::seek::FileSeek>(),
    #[cfg(feature = "file")]
    Row::of::<file::write::FileWrite>(),
    #[cfg(feature = "freeze")]
    Row::of::<fsfreeze::freeze::FsfreezeFreeze>(),
    #[cfg(feature = "freeze")]
    Row::of::<fsfreeze::freeze_list::FsfreezeFreezeList>(),
    #[cfg(feature = "freeze")]
    Row::of::<fsfreeze::status::FsfreezeStatus>(),
    #[cfg(feature = "freeze")]
    Row::of::<fsfreeze::thaw::FsfreezeThaw>(),
    #[cfg(feature = "freeze")]
    Row::of::<fstrim::Fstrim>(),
    #[cfg(feature = "inventory")]
    Row::of_list::<get_cpustats::GetCpustats>(),
    #[cfg(feature = "inventory")]
    Row::of_list::<get_disks::GetDisks>(),
    #[cfg(feature = "inventory")]
    Row::of_list::<get_diskstats::GetDiskstats>(),
    #[cfg(feature = "inventory")]
    Row::of::<get_fsinfo::GetFsinfo>(),
    #[cfg(feature = "inventory")]
    Row::of::<get_host_name::GetHostName>(),
    #[cfg(feature = "inventory")]
    Row::of::<get_load::GetLoad>(),
    #[cfg(feature = "cpu-memory")]
    Row::of::<get_memory_block_info::GetMemoryBlockInfo>(),
    #[cfg(feature = "cpu-memory")]
    Row::of_list::<get_memory_blocks::GetMemoryBlocks>(),
    #[cfg(feature = "inventory")]
    Row::of::<get_osinfo::GetOsinfo>(),
    #[cfg(feature = "clock")]
    Row::of::<get_time::GetTime>(),
    #[cfg(feature = "clock")]
    Row::of::<get_timezone::GetTimezone>(),
    #[cfg(feature = "accounts")]
    Row::of_list::<get_users::GetUsers>(),
    #[cfg(feature = "cpu-memory")]
    Row::of_list::<get_vcpus::GetVcpus>(),
    Row::of::<info::Info>(),
    #[cfg(feature = "network")]
    Row::of::<network_get_interfaces::NetworkGetInterfaces>(),
    #[cfg(feature = "network")]
    Row::of_list::<network_get_route::NetworkGetRoute>(),
    Row::of::<ping::Ping>(),
    #[cfg(feature = "cpu-memory")]
    Row::of::<set_memory_blocks::SetMemoryBlocks>(),
    #[cfg(feature = "clock")]
    Row::of::<set_time::SetTime>(),
    #[cfg(feature = "accounts")]
    Row::of::<set_user_password::SetUserPassword>(),
    #[cfg(feature = "cpu-memory")]
    Row::of::<set_vcpus::SetVcpus>(),
    #[cfg(feature = "power")]
    Row::of::<shutdown::Shutdown>(),
    #[cfg(feature = "accounts")]
    Row::of::<ssh::add::SshAddAuthorizedKeys>(),
    #[cfg(feature = "accounts")]
    Row::of::<ssh::get::SshGetAuthorizedKeys>(),
    #[cfg(feature = "accounts")]
    Row::of::<ssh::remove::SshRemoveAuthorizedKeys>(),
    #[cfg(feature = "suspend")]
    Row::of::<suspend::SuspendDisk>(),
    #[cfg(feature = "suspend")]
    Row::of::<suspend::SuspendHybrid>(),
    #[cfg(feature = "suspend")]
    Row::of::<suspend::SuspendRam>(),
    Row::of::<sync::Sync>(),
    Row::of::<sync_delimited::SyncDelimited>(),
]);
