//! One function of libc's, by its name: where it is, once it has been looked up.

use super::libraries::Libraries;
use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

static READY: AtomicBool = AtomicBool::new(false);

/// Whether the constructor has looked up every function.
pub fn is_ready() -> bool {
    READY.load(Ordering::Acquire)
}

/// The constructor has looked up every function.
pub fn set_ready() {
    READY.store(true, Ordering::Release);
}

/// One function of libc's, or of the next interposer's. The pointer comes first:
/// the `syscall` hook reads it by the address of its symbol.
#[repr(C)]
pub struct Symbol {
    at: AtomicPtr<c_void>,
    name: &'static CStr,
}

impl Symbol {
    pub const fn new(name: &'static CStr) -> Self {
        Self { name, at: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Looks it up. Called by the constructor.
    pub fn resolve(&self, libraries: &Libraries) {
        self.at.store(libraries.find(self.name), Ordering::Release);
    }

    /// Looks it up where the constructor has not run yet, or where the library that has it may have been
    /// loaded since.
    pub fn resolve_now(&self) -> *mut c_void {
        // SAFETY: a constant, terminated name.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.at.store(found, Ordering::Release);
        found
    }

    pub fn get(&self) -> Option<*mut c_void> {
        let found = self.at.load(Ordering::Acquire);
        (!found.is_null()).then_some(found)
    }

    /// Its name.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// Where the function is. Before the constructor it is looked up, after it the pointer is
    /// just read.
    pub fn needed(&self) -> Option<*mut c_void> {
        self.get().or_else(|| {
            let found = if is_ready() { ptr::null_mut() } else { self.resolve_now() };
            (!found.is_null()).then_some(found)
        })
    }
}

/// Defines a module with one static [`Symbol`] for each function, under its name.
macro_rules! symbols {
    ($module:ident: $($name:ident)*) => {
        #[allow(non_upper_case_globals)]
        mod $module {
            use $crate::sys::real::symbol::Symbol;
            $( pub(super) static $name: Symbol = {
                // SAFETY: concat! with a zero byte is terminated, and has no other zero.
                let name = unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) };
                Symbol::new(name)
            }; )*
            pub(super) fn each(visit: impl Fn(&'static Symbol)) {
                $( visit(&$name); )*
            }
        }
    };
}

pub(super) use symbols;
