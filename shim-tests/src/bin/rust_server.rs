//! A victim in Rust: std's `TcpStream`, closed by its drop, in a thread a
//! connection. Knows nothing of softclose.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("port {}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Reads the request's line a byte at a time: the rest stays in the kernel.
fn serve(stream: TcpStream) -> io::Result<()> {
    let mut line = String::new();
    BufReader::with_capacity(1, &stream).read_line(&mut line)?;
    let mut numbers = line.split_whitespace().skip(1).map(|word| word.parse().unwrap_or(0));
    let (response, unread): (usize, usize) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let mut sink = vec![0; unread];
    while stream.peek(&mut sink)? < unread {}
    let body: Vec<u8> = (0..response).map(|at| (at % 251) as u8).collect();
    (&stream).write_all(&body)
}
