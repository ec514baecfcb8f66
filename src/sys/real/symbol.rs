//! One function of libc's, by its name: where it is, once it has been looked up.

use super::libraries::{Libraries, Name};
use core::ffi::c_void;
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

/// Where one function of libc's is, or of the next interposer's. The `syscall` hook reads the pointer by
/// the address of its symbol.
///
/// The name is not part of it: it would have to be relocated at each start of a program.
#[repr(transparent)]
pub struct Symbol(AtomicPtr<c_void>);

impl Symbol {
    /// A function that has not been looked up.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Looks it up. Called by the constructor.
    pub fn resolve(&self, libraries: &Libraries, name: Name) {
        self.0.store(libraries.find(name), Ordering::Release);
    }

    /// Looks it up where the constructor has not run yet, or where the library that has it may have been
    /// loaded since.
    pub fn resolve_now(&self, name: Name) -> *mut c_void {
        // SAFETY: a constant, terminated name.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.text()) };
        self.0.store(found, Ordering::Release);
        found
    }

    pub fn get(&self) -> Option<*mut c_void> {
        let found = self.0.load(Ordering::Acquire);
        (!found.is_null()).then_some(found)
    }

    /// Where the function is. Before the constructor it is looked up, after it the pointer is
    /// just read.
    pub fn needed(&self, name: Name) -> Option<*mut c_void> {
        self.get().or_else(|| {
            let found = if is_ready() { ptr::null_mut() } else { self.resolve_now(name) };
            (!found.is_null()).then_some(found)
        })
    }
}

/// The name of a function.
macro_rules! name_of {
    ($name:ident) => {
        const {
            // SAFETY: concat! with a zero byte is terminated, and has no other zero.
            let text =
                unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) };
            $crate::sys::real::libraries::Name::new(text)
        }
    };
}

/// Defines a module with one static [`Symbol`] for each function, under its name.
macro_rules! symbols {
    ($module:ident: $($name:ident)*) => {
        #[allow(non_upper_case_globals)]
        mod $module {
            use $crate::sys::real::libraries::Libraries;
            use $crate::sys::real::symbol::{Symbol, name_of};
            $( pub(super) static $name: Symbol = Symbol::new(); )*
            pub(super) fn resolve(libraries: &Libraries) {
                $( $name.resolve(libraries, name_of!($name)); )*
            }
        }
    };
}

pub(super) use {name_of, symbols};
