//! The libraries that the loader has loaded, and functions in those behind this one, by name.
//!
//! `dlsym(3)` takes a lock, so that no hook may call it; and to look up all functions that hooks may need,
//! at every start of a program, takes longer than all the rest of the constructor. So the constructor
//! walks through the libraries once and notes where their tables are. A function is looked up in
//! these tables (`DT_GNU_HASH`) when it is first needed: that reads memory and does nothing else. The
//! libraries that are there at the start of a program stay there until its end.
//!
//! What is found is what `dlsym(RTLD_NEXT, name)` finds: the default version of the name in the first
//! library behind this one that has it, up to libc. Where a library has no such table, the constructor
//! asks `dlsym` for all names.
//!
//! Context: [`Libraries::walk`] the constructor; all else any hook, async-signal-safe.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use libc::{Elf64_Phdr, Elf64_Sym, dl_phdr_info};

/// The most libraries that are walked; where there are more, `dlsym` is asked for every name.
const MOST: usize = 64;

/// The dynamic section of a library (`elf.h`).
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: u64,
}

const DT_NULL: i64 = 0;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const DT_VERSYM: i64 = 0x6fff_fff0;

/// The tables of one library, in bytes behind its base.
#[derive(Clone, Copy)]
struct Library {
    base: usize,
    hash: u32,
    symbols: u32,
    names: u32,
    /// 0: it has no versions.
    versions: u32,
}

/// The program, its libraries and the vDSO, in the order in which the loader searches them.
pub struct Libraries {
    list: [MaybeUninit<Library>; MOST],
    count: usize,
    /// The path of this library, once it has been met, and how many lie before it.
    own: Option<(&'static CStr, usize)>,
    /// How many there are up to libc. What lies behind it may have been loaded by a constructor that ran
    /// before ours, for itself alone, and may be unloaded.
    up_to_libc: usize,
    /// One of those from this library to libc could not be read, or libc does not lie behind this library.
    is_one_unknown: bool,
}

/// A name, and its hash in `DT_GNU_HASH`.
///
/// The text is no reference, so that a name fits into two registers: as a constant in memory it would
/// have to be relocated.
#[derive(Clone, Copy)]
pub struct Name {
    text: *const c_char,
    hash: u32,
    /// How many bytes of the text are meant.
    len: u32,
}

impl Name {
    pub const fn new(text: &'static CStr) -> Self {
        let bytes = text.to_bytes();
        Self { text: text.as_ptr(), hash: hash(bytes), len: bytes.len() as u32 }
    }

    /// The name without `64` at its end, which means the same on 64-bit machines; `None` where it does not end so.
    /// For a search in tables alone.
    pub fn without_64(self) -> Option<Self> {
        // SAFETY: the text of a name is as long.
        let bytes = unsafe { core::slice::from_raw_parts(self.text.cast::<u8>(), self.len as usize) };
        let shorter = bytes.strip_suffix(b"64")?;
        Some(Self { text: self.text, hash: hash(shorter), len: shorter.len() as u32 })
    }

    /// The text, terminated.
    pub fn text(self) -> *const c_char {
        self.text
    }
}

/// The hash of a name (`dl_new_hash`).
#[allow(clippy::indexing_slicing, reason = "the loop ends at the length")]
const fn hash(bytes: &[u8]) -> u32 {
    let (mut hash, mut at) = (5381u32, 0);
    while at < bytes.len() {
        hash = hash.wrapping_mul(33).wrapping_add(bytes[at] as u32);
        at += 1;
    }
    hash
}

/// What one library says of a name.
enum Found {
    /// Where it is.
    At(*mut c_void),
    /// It has no such symbol.
    Nothing,
}

/// What the constructor has found; only it writes there. It begins as zeroes, which take no page of the file.
struct Known(UnsafeCell<Libraries>);

// SAFETY: written by the constructor alone, and read by others only after [`IS_KNOWN`] is set.
unsafe impl Sync for Known {}

static KNOWN: Known = Known(UnsafeCell::new(Libraries {
    list: [const { MaybeUninit::uninit() }; MOST],
    count: 0,
    own: None,
    up_to_libc: 0,
    is_one_unknown: false,
}));

static IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// The libraries, once the constructor has walked through them.
pub fn known() -> Option<&'static Libraries> {
    // SAFETY: it is not written to any more.
    IS_KNOWN.load(Acquire).then(|| unsafe { &*KNOWN.0.get() })
}

impl Libraries {
    /// Walks through all of them. `here` is an address inside this library.
    ///
    /// # Safety
    /// It is called once, by the constructor.
    pub unsafe fn walk(here: usize) -> &'static Self {
        // SAFETY: the caller's: nobody else has a reference to it.
        let all = unsafe { &mut *KNOWN.0.get() };
        let mut walk = Walk { all, here };
        // SAFETY: `visit` gets what it expects, and lets nothing unwind.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut walk).cast()) };
        all.is_one_unknown |= !all.finds_libc();
        IS_KNOWN.store(true, Release);
        all
    }

    /// The path by which the loader has found this library.
    pub fn own_path(&self) -> Option<&'static CStr> {
        self.own.map(|(path, _)| path)
    }

    /// Whether a function can be found by a look at memory.
    pub fn are_all_known(&self) -> bool {
        !self.is_one_unknown
    }

    /// Whether libc lies behind this library. Not where the program has loaded this library itself (`dlopen`):
    /// the order of the search is another one then.
    fn finds_libc(&mut self) -> bool {
        const NAME: Name = Name::new(c"__libc_start_main");
        let Some((_, before)) = self.own else { return false };
        let known = |at: usize| matches!(self.search(at..at + 1, NAME), Found::At(..));
        let libc = (before..self.count).find(|&at| known(at));
        self.up_to_libc = libc.map_or(0, |at| at + 1);
        libc.is_some()
    }

    /// Where the next function of that name is, behind this library; null if there is none.
    pub fn find(&self, name: Name) -> *mut c_void {
        let before = self.own.map_or(self.up_to_libc, |(_, before)| before);
        match self.search(before..self.up_to_libc, name) {
            Found::At(at) => at,
            Found::Nothing => core::ptr::null_mut(),
        }
    }

    /// Whether any library has that name, be it one that a search would not find.
    pub fn is_anywhere(&self, name: Name) -> bool {
        matches!(self.search(0..self.count, name), Found::At(_))
    }

    /// Where the first function or variable of that name is, in the program or any library; null if there is
    /// none.
    pub fn find_anywhere(&self, name: Name) -> *mut c_void {
        match self.search(0..self.up_to_libc, name) {
            Found::At(at) => at,
            // SAFETY: a terminated name.
            Found::Nothing => unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.text) },
        }
    }

    fn search(&self, places: Range<usize>, name: Name) -> Found {
        let known = self.list.get(places).unwrap_or_default().iter();
        // SAFETY: as many have been written.
        let mut found = known.map(|library| unsafe { library.assume_init_ref() }.find(name));
        found.find(|found| !matches!(found, Found::Nothing)).unwrap_or(Found::Nothing)
    }

    fn add(&mut self, library: Option<Library>) {
        match (library, self.list.get_mut(self.count)) {
            (Some(library), Some(place)) => {
                place.write(library);
                self.count += 1;
            }
            _ => self.is_one_unknown |= self.own.is_some() || self.count >= MOST,
        }
    }
}

struct Walk<'a> {
    all: &'a mut Libraries,
    here: usize,
}

/// Called for each library, in the order of the search.
unsafe extern "C" fn visit(info: *mut dl_phdr_info, _size: usize, walk: *mut c_void) -> c_int {
    // SAFETY: what `dl_iterate_phdr` passes, and what `walk` passes.
    let (info, Walk { all, here }) = unsafe { (&*info, &mut *walk.cast::<Walk<'_>>()) };
    // SAFETY: the program headers of a library that stays loaded while its constructors run.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr as usize;
    if all.own.is_none() && headers.iter().any(|header| has(base, header, *here)) {
        // SAFETY: a terminated name, which lives as long as this library; it is never unloaded.
        all.own = Some((unsafe { CStr::from_ptr(info.dlpi_name) }, all.count));
    } else {
        all.add(Library::of(base, headers));
    }
    0
}

fn has(base: usize, header: &Elf64_Phdr, address: usize) -> bool {
    let start = base.wrapping_add(header.p_vaddr as usize);
    header.p_type == libc::PT_LOAD && address.wrapping_sub(start) < header.p_memsz as usize
}

/// How many bytes behind the base of a library something lies, by the value of an entry of its dynamic section.
/// The loader has made addresses of such values, where it may write.
fn offset(base: usize, headers: &[Elf64_Phdr], value: usize) -> Option<u32> {
    let is_address = headers.iter().any(|header| has(base, header, value));
    u32::try_from(if is_address { value.wrapping_sub(base) } else { value }).ok()
}

impl Library {
    /// `None` where it has no such hash table, or is longer than 4 GiB.
    fn of(base: usize, headers: &[Elf64_Phdr]) -> Option<Self> {
        let dynamic = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        let mut entry = base.wrapping_add(dynamic.p_vaddr as usize) as *const Dynamic;
        let [mut hash, mut symbols, mut names, mut versions] = [0; 4];
        // SAFETY: the section ends with DT_NULL.
        while let Dynamic { tag, value } = unsafe { entry.read() }
            && tag != DT_NULL
        {
            let offset = || offset(base, headers, value as usize);
            match tag {
                DT_GNU_HASH => hash = offset()?,
                DT_SYMTAB => symbols = offset()?,
                DT_STRTAB => names = offset()?,
                DT_VERSYM => versions = offset()?,
                _ => {}
            }
            entry = entry.wrapping_add(1);
        }
        let are_all = [hash, symbols, names].iter().all(|&offset| offset != 0);
        are_all.then_some(Self { base, hash, symbols, names, versions })
    }

    /// What lies `offset` bytes behind the base, and the element `index` there.
    ///
    /// # Safety
    /// There are so many elements of that type.
    unsafe fn at<T>(&self, offset: u32, index: usize) -> *const T {
        // SAFETY: the caller's.
        unsafe { (self.base.wrapping_add(offset as usize) as *const T).add(index) }
    }

    /// Looks the name up, as in "How To Write Shared Libraries" (Drepper), section 1.5.5.
    fn find(&self, name: Name) -> Found {
        let hash = name.hash;
        // SAFETY: the layout of DT_GNU_HASH: four words, the filter, the buckets, the chains.
        unsafe {
            let [buckets, first, words, shift] = self.at::<[u32; 4]>(self.hash, 0).read();
            let filter = self.at::<[u32; 4]>(self.hash, 1).cast::<u64>();
            let word = filter.add(((hash / u64::BITS) & words.wrapping_sub(1)) as usize).read_unaligned();
            let is_in_filter = |hash: u32| word >> (hash % u64::BITS) & 1 == 1;
            if buckets == 0 || !is_in_filter(hash) || !is_in_filter(hash >> shift) {
                return Found::Nothing;
            }
            let all_buckets = filter.add(words as usize).cast::<u32>();
            let mut at = all_buckets.add((hash % buckets) as usize).read();
            if at < first {
                return Found::Nothing;
            }
            let chain = all_buckets.add(buckets as usize);
            loop {
                let link = chain.add((at - first) as usize).read();
                if link | 1 == hash | 1
                    && let Some(found) = self.symbol(at, name)
                {
                    return found;
                }
                if link & 1 == 1 {
                    return Found::Nothing;
                }
                at += 1;
            }
        }
    }

    /// What symbol number `at` is, if it is the default version of that name, and defined here.
    ///
    /// # Safety
    /// There is a symbol of that number.
    unsafe fn symbol(&self, at: u32, name: Name) -> Option<Found> {
        const HIDDEN: u16 = 0x8000;
        const STT_NOTYPE: u8 = 0;
        const STT_OBJECT: u8 = 1;
        const STT_FUNC: u8 = 2;
        const STT_GNU_IFUNC: u8 = 10;
        /// A function that answers which function to use on this processor.
        type Resolver = unsafe extern "C" fn() -> *mut c_void;
        // SAFETY: the caller's; names are terminated.
        unsafe {
            let symbol = self.at::<Elf64_Sym>(self.symbols, at as usize).read();
            let is_default = self.versions == 0 || self.at::<u16>(self.versions, at as usize).read() & HIDDEN == 0;
            let is_defined = symbol.st_shndx != 0 && symbol.st_value != 0;
            let is_it = is_default && is_defined && is_same(self.at(self.names, symbol.st_name as usize), name);
            let at = self.base.wrapping_add(symbol.st_value as usize) as *mut c_void;
            match symbol.st_info & 15 {
                STT_GNU_IFUNC if is_it => Some(Found::At(core::mem::transmute::<*mut c_void, Resolver>(at)())),
                STT_NOTYPE | STT_OBJECT | STT_FUNC if is_it => Some(Found::At(at)),
                _ => None,
            }
        }
    }
}

/// Whether a terminated text is this name.
///
/// # Safety
/// It is terminated.
unsafe fn is_same(text: *const c_char, name: Name) -> bool {
    let len = name.len as usize;
    // SAFETY: the caller's, and that of a name: it stops at the first difference, which is no later than the end.
    unsafe { (0..len).all(|at| text.add(at).read() == name.text.add(at).read()) && text.add(len).read() == 0 }
}
