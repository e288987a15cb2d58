//! Every command that a guest without a kernel can obey.

use picoqga::command::{self, Row, Table};
use picoqga::guest::fake::Fake;

pub static TABLE: Table<Fake> = Table::new(&[
    Row::of_list::<command::get_cpustats::GetCpustats>(),
    Row::of_list::<command::get_diskstats::GetDiskstats>(),
    Row::of::<command::get_host_name::GetHostName>(),
    Row::of::<command::get_load::GetLoad>(),
    Row::of::<command::get_memory_block_info::GetMemoryBlockInfo>(),
    Row::of_list::<command::get_memory_blocks::GetMemoryBlocks>(),
    Row::of::<command::get_osinfo::GetOsinfo>(),
    Row::of::<command::get_time::GetTime>(),
    Row::of::<command::get_timezone::GetTimezone>(),
    Row::of_list::<command::get_users::GetUsers>(),
    Row::of_list::<command::get_vcpus::GetVcpus>(),
    Row::of::<command::info::Info>(),
    Row::of::<command::network_get_interfaces::NetworkGetInterfaces>(),
    Row::of_list::<command::network_get_route::NetworkGetRoute>(),
    Row::of::<command::ping::Ping>(),
    Row::of::<command::set_memory_blocks::SetMemoryBlocks>(),
    Row::of::<command::set_time::SetTime>(),
    Row::of::<command::set_user_password::SetUserPassword>(),
    Row::of::<command::set_vcpus::SetVcpus>(),
    Row::of::<command::shutdown::Shutdown>(),
    Row::of::<command::suspend::SuspendDisk>(),
    Row::of::<command::suspend::SuspendHybrid>(),
    Row::of::<command::suspend::SuspendRam>(),
    Row::of::<command::sync::Sync>(),
    Row::of::<command::sync_delimited::SyncDelimited>(),
]);
