//! Which types may lie in memory that was mapped as zeroes, and that others share.
//!
//! Context: any; nothing here runs.

/// A type of which all-zero bytes are a valid value, and which threads and processes may share.
/// The macro [`zeroed!`](crate::zeroed) defines a struct as one, if each of its fields is.
///
/// # Safety
/// Every pattern of bits must be a valid value, every change must be atomic, and a drop must
/// do nothing.
pub unsafe trait Zeroed: Sync {
    /// The macro writes this function so that it compiles only if every field is `Zeroed`.
    #[doc(hidden)]
    fn check_fields() {}
}

macro_rules! atomics {
    ($($name:ident)*) => {
        $(
            // SAFETY: an atomic integer, of which every pattern of bits is a value.
            unsafe impl Zeroed for core::sync::atomic::$name {}
        )*
    };
}

atomics!(AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI32);

// SAFETY: elements of a `Zeroed` type, one behind the other.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}

/// Compiles only for a [`Zeroed`] type; used by the macro.
#[doc(hidden)]
pub fn is_zeroed<T: Zeroed>() {}

/// Defines a `repr(C)` struct that is [`Zeroed`](crate::sys::memory::zeroed::Zeroed). It compiles only
/// if each field is. So mapped memory can be used as the struct without an `unsafe` block.
#[doc(hidden)]
#[macro_export]
macro_rules! zeroed {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<const $param:ident: usize>)? {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        $vis struct $name $(<const $param: usize>)? {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        $crate::zeroed!(@is $name, [$($param)?], $($type),*);
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<const $param:ident: usize>)? ($field_vis:vis $type:ty);
    ) => {
        $(#[$meta])*
        #[repr(C)]
        $vis struct $name $(<const $param: usize>)? ($field_vis $type);

        $crate::zeroed!(@is $name, [$($param)?], $type);
    };
    (@is $name:ident, [$($param:ident)?], $($type:ty),*) => {
        // SAFETY: repr(C), and each field is `Zeroed`: otherwise `check_fields` does not compile.
        #[allow(unsafe_code)]
        unsafe impl $(<const $param: usize>)? $crate::sys::memory::zeroed::Zeroed for $name $(<$param>)? {
            fn check_fields() {
                $($crate::sys::memory::zeroed::is_zeroed::<$type>();)*
            }
        }
    };
}
