//! Where the running kernel has the fields that the program reads, from the kernel's description of
//! itself (BTF).

use anyhow::{Context, Result, anyhow, bail};
use btfparse::{Offset, Readable, TypeInformation, TypeVariant};
use std::fs;
use std::path::Path;

/// The description of a kernel that was built with `CONFIG_DEBUG_INFO_BTF`.
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Offsets in bytes, and other numbers that differ between kernels.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The number of the function that an iterator over tasks is attached to.
    pub iterator: u32,
    /// `pt_regs`: the fourth argument of a system call.
    pub fourth_argument: i32,
    /// `task_struct.signal`
    pub task_signal: i32,
    /// `signal_struct.nr_threads`
    pub signal_threads: i32,
    /// `task_struct.files`
    pub task_files: i32,
    /// `files_struct.count`
    pub files_count: i32,
    /// `files_struct.fdt`
    pub files_table: i32,
    /// `fdtable.max_fds`
    pub table_size: i32,
    /// `fdtable.fd`
    pub table_entries: i32,
    /// `file.f_count`, or `file.f_ref` since Linux 6.13.
    pub file_count: i32,
    /// What to add to it to get the number of references: `FILE_REF_ONEREF` is 0.
    pub count_bias: i32,
    /// `file.f_ep`
    pub file_watchers: i32,
}

impl Layout {
    /// The layout of the running kernel.
    pub fn of_this_kernel() -> Result<Self> {
        if !Path::new(BTF).exists() {
            bail!("there is no {BTF}: this kernel was built without CONFIG_DEBUG_INFO_BTF");
        }
        let bytes = fs::read(BTF).context(BTF)?;
        let types = TypeInformation::new(&Bytes(&bytes)).map_err(|error| anyhow!("{BTF}: {}", error.message()))?;
        Self::of(&types)
    }

    fn of(types: &TypeInformation) -> Result<Self> {
        let offset = |name, member| offset(types, name, member);
        let (file_count, count_bias) = match offset("file", "f_ref") {
            Ok(offset) => (offset, 1),
            Err(_) => (offset("file", "f_count")?, 0),
        };
        Ok(Self {
            iterator: function(types, "bpf_iter_task")?,
            fourth_argument: offset("pt_regs", "r10")?,
            task_signal: offset("task_struct", "signal")?,
            signal_threads: offset("signal_struct", "nr_threads")?,
            task_files: offset("task_struct", "files")?,
            files_count: offset("files_struct", "count")?,
            files_table: offset("files_struct", "fdt")?,
            table_size: offset("fdtable", "max_fds")?,
            table_entries: offset("fdtable", "fd")?,
            file_count,
            count_bias,
            file_watchers: offset("file", "f_ep")?,
        })
    }
}

/// The offset of a member of a structure. Names are not unique: a function may have the name of a
/// structure.
fn offset(types: &TypeInformation, name: &str, member: &str) -> Result<i32> {
    let is_it =
        |found: &TypeVariant| matches!(found, TypeVariant::Struct(found) if found.name().as_deref() == Some(name));
    let mut ids = types.get().iter().filter(|(_, found)| is_it(found)).map(|(&id, _)| id);
    let found = ids.find_map(|id| match types.offset_of(id, member) {
        Ok((_, Offset::ByteOffset(offset))) => i32::try_from(offset).ok(),
        _ => None,
    });
    found.with_context(|| format!("this kernel has no {name}.{member}: it is too old, or too new"))
}

fn function(types: &TypeInformation, name: &str) -> Result<u32> {
    let is_it =
        |found: &TypeVariant| matches!(found, TypeVariant::Func(found) if found.name().as_deref() == Some(name));
    let found = types.get().iter().find(|(_, found)| is_it(found)).map(|(&id, _)| id);
    found.with_context(|| format!("this kernel has no {name}: it is too old, or built without BPF"))
}

struct Bytes<'a>(&'a [u8]);

impl Readable for Bytes<'_> {
    fn read(&self, offset: u64, room: &mut [u8]) -> btfparse::Result<()> {
        let beyond = || btfparse::Error::new(btfparse::ErrorKind::EOF, "it ends too early");
        let from = usize::try_from(offset).map_err(|_| beyond())?;
        let bytes = self.0.get(from..).and_then(|rest| rest.get(..room.len())).ok_or_else(beyond)?;
        room.copy_from_slice(bytes);
        Ok(())
    }
}
