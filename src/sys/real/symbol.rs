//! One function of libc's, by its name: where it is, once it has been looked up.

use super::libraries::{Name, known};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Where one function of libc's is, or of the next interposer's: null until it is looked up. The `syscall`
/// hook reads the pointer by the address of its symbol.
///
/// The name is not part of it: it would have to be relocated at each start of a program.
#[repr(transparent)]
pub struct Symbol(AtomicPtr<c_void>);

/// There is no such function.
const MISSING: *mut c_void = ptr::without_provenance_mut(1);

impl Symbol {
    /// A function that has not been looked up.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Where the function is. `None` where there is none, and before the constructor, which may run while
    /// `malloc` is being initialised.
    pub fn get(&self, name: Name) -> Option<*mut c_void> {
        match self.0.load(Ordering::Acquire) {
            MISSING => None,
            found if found.is_null() => self.look_up(name),
            found => Some(found),
        }
    }

    /// The same; before the constructor by `dlsym`, for a function that is more than one system call.
    pub fn needed(&self, name: Name) -> Option<*mut c_void> {
        if known().is_none() && self.0.load(Ordering::Acquire).is_null() {
            return self.ask(name);
        }
        self.get(name)
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, name: Name) -> Option<*mut c_void> {
        let libraries = known().filter(|libraries| libraries.are_all_known())?;
        let found = match (libraries.find(name), name.without_64()) {
            // The loader of musl does the same.
            (found, Some(shorter)) if found.is_null() => libraries.find(shorter),
            (found, _) => found,
        };
        self.0.store(if found.is_null() { MISSING } else { found }, Ordering::Release);
        (!found.is_null()).then_some(found)
    }

    /// Asks `dlsym`. For the constructor, and for a function of a library that may have been loaded since.
    #[cold]
    pub fn ask(&self, name: Name) -> Option<*mut c_void> {
        // SAFETY: a constant, terminated name.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.text()) };
        self.0.store(found, Ordering::Release);
        (!found.is_null()).then_some(found)
    }
}

/// The name of a function.
macro_rules! name_of {
    ($name:ident) => {
        const {
            match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(text) => $crate::sys::real::Name::new(text),
                Err(_) => $crate::sys::real::Name::new(c""),
            }
        }
    };
}

/// Defines a module with one static [`Symbol`] for each function, under its name.
macro_rules! symbols {
    ($module:ident: $($name:ident)*) => {
        #[allow(non_upper_case_globals)]
        mod $module {
            use $crate::sys::real::libraries::Name;
            use $crate::sys::real::symbol::{Symbol, name_of};
            $( pub(super) static $name: Symbol = Symbol::new(); )*
            pub(super) fn each(visit: fn(&'static Symbol, Name)) {
                $( visit(&$name, name_of!($name)); )*
            }
        }
    };
}

pub(in crate::sys) use name_of;
pub(super) use symbols;
