//! Random content of stats files and of texts in `/proc`, shown by every command. `make fuzz-pages` goes
//! on for longer, and looks for what is not covered.

#[path = "../../core/fuzz/forged.rs"]
mod forged;

/// SplitMix64: the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most as u64) as usize
    }
}

/// Pieces that mean something to a terminal, to a reader of lines, or to the kernel.
const PIECES: [&[u8]; 18] = [
    b"\x1b[2J",
    b"\n1 0 root\r",
    "\u{202e}\u{2028}\u{9b}".as_bytes(),
    b"\"} 1 \\",
    b"SOFTCLOSE_IDLE=7s\n",
    b"=\n",
    b"A=\x1b\n",
    b"7f00-7f10 rw-s 00000000 00:1a 42 /SYSV\n",
    b"0-1 rw-s 0 0:0 1 /\xff.softclose (deleted)\n",
    b"7 (a) R) Z 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n",
    b"Uid:\t1\t2\t3\t4\nNSpid:\t7\t1\n",
    b"Uid:\n",
    &[0xff; 64],
    &[0; 24],
    &[0xff; 1024],
    &[0; 700],
    b"[stack:",
    b"99999999999999999999-1 rw-s",
];

#[test]
fn random_content_is_shown_without_harm() {
    let mut numbers = Numbers(1);
    for _ in 0..600 {
        let mut bytes = Vec::new();
        for _ in 0..numbers.below(60) {
            match numbers.below(4) {
                0 => bytes.extend(numbers.next().to_ne_bytes()),
                _ => bytes.extend(PIECES[numbers.below(PIECES.len())]),
            }
        }
        forged::is_harmless(&bytes);
    }
    forged::is_harmless(&[0xff; 9000]);
}
