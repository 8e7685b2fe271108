// SPDX-License-Identifier: GPL-2.0-only
//
// The equivalent of worker.c for Rust's bumpalo, whose fast path is inlined like an arena's.
// The first chunk has room for everything, and reset() keeps it.

extern crate bumpalo;

use bumpalo::collections::Vec as BumpVec;
use bumpalo::Bump;
use std::alloc::Layout;
use std::env;
use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

const SAMPLE_NS: f64 = 4e6;
const MIN_ROUNDS: usize = 5;
const MAX_ROUNDS: usize = 10000;
const OBJECTS: usize = 1000;
const REQUESTS: usize = 64;
const MAX_THREADS: usize = 64;
const MOST_BYTES: usize = 16 << 20;
const REQUESTS_OF_THREAD: usize = 50;

struct Peer {
    bump: Bump,
    objects: Vec<*mut u8>,
    nr: usize,
}

impl Peer {
    fn new() -> Peer {
        Peer { bump: Bump::with_capacity(MOST_BYTES), objects: vec![std::ptr::null_mut(); OBJECTS], nr: 0 }
    }

    fn next_sizes<'a>(&mut self, sizes: &'a [u32]) -> &'a [u32] {
        let first = self.nr % REQUESTS * OBJECTS;
        self.nr += 1;
        &sizes[first..first + OBJECTS]
    }
}

#[inline(always)]
fn alloc(bump: &Bump, size: usize) -> *mut u8 {
    bump.alloc_layout(Layout::from_size_align(size, 16).unwrap()).as_ptr()
}

#[inline(always)]
fn touch(memory: *mut u8) -> *mut u8 {
    unsafe { *(memory as *mut u32) = 1 };
    memory
}

// SplitMix64, to draw the same sizes as worker.c.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e3779b97f4a7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
    z ^ (z >> 31)
}

fn draw_sizes(most: u32) -> Vec<u32> {
    let doublings = (most / 8).trailing_zeros() as u64;
    let mut state = 1;
    (0..REQUESTS * OBJECTS)
        .map(|_| {
            let least = 8u64 << (next_random(&mut state) % doublings);
            (least + next_random(&mut state) % (least + 1)) as u32
        })
        .collect()
}

// The cost of reading the clock: the minimum of many readings.
fn cost_of_clock() -> f64 {
    (0..1000).map(|_| Instant::now().elapsed().as_nanos()).min().unwrap() as f64
}

static mut CLOCK_NS: f64 = 0.0;

fn elapsed(start: Instant) -> f64 {
    (start.elapsed().as_nanos() as f64 - unsafe { CLOCK_NS }).max(0.0)
}

#[inline(never)]
fn alloc_fixed(peer: &mut Peer, size: usize) -> f64 {
    let start = Instant::now();
    for object in peer.objects.iter_mut() {
        *object = touch(alloc(&peer.bump, size));
    }
    let passed = elapsed(start);
    peer.bump.reset();
    passed
}

#[inline(never)]
fn alloc_mixed(peer: &mut Peer, sizes: &[u32]) -> f64 {
    let sizes = peer.next_sizes(sizes);
    let start = Instant::now();
    for (object, size) in peer.objects.iter_mut().zip(sizes) {
        *object = touch(alloc(&peer.bump, *size as usize));
    }
    let passed = elapsed(start);
    peer.bump.reset();
    passed
}

#[inline(never)]
fn do_request(peer: &mut Peer, sizes: &[u32], fill: bool) {
    let sizes = peer.next_sizes(sizes);
    let mut sum = 0;
    for (object, size) in peer.objects.iter_mut().zip(sizes) {
        *object = touch(alloc(&peer.bump, *size as usize));
        if fill {
            unsafe { object.write_bytes(1, *size as usize) };
        }
    }
    if !fill {
        for (object, size) in peer.objects.iter().zip(sizes) {
            unsafe {
                sum += *(*object as *mut u32) as usize;
                *object.add(*size as usize - 1) = 1;
            }
        }
        assert!(sum == OBJECTS, "an object has lost what was in it");
    }
    peer.bump.reset();
}

fn request(peer: &mut Peer, sizes: &[u32], fill: bool) -> f64 {
    let start = Instant::now();
    do_request(peer, sizes, fill);
    elapsed(start)
}

// Each thread reads the clock itself, because the thread that wakes them can be late.
fn request_threads(sizes: &[u32], nr: usize) -> f64 {
    let barrier = Arc::new(Barrier::new(nr));
    let threads: Vec<_> = (0..nr)
        .map(|_| {
            let barrier = barrier.clone();
            let sizes = sizes.to_vec();
            thread::spawn(move || {
                let mut peer = Peer::new();
                for _ in 0..REQUESTS {
                    do_request(&mut peer, &sizes, false);
                }
                barrier.wait();
                let first = Instant::now();
                for _ in 0..REQUESTS_OF_THREAD {
                    do_request(&mut peer, &sizes, false);
                }
                let last = Instant::now();
                barrier.wait();
                (first, last)
            })
        })
        .collect();
    let times: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let first = times.iter().map(|time| time.0).min().unwrap();
    let last = times.iter().map(|time| time.1).max().unwrap();
    (last - first).as_nanos() as f64
}

#[inline(never)]
fn alloc_zeroed(peer: &mut Peer, size: usize) -> f64 {
    let n = if size < 1024 { 512 } else { (256 << 10) / size };
    let start = Instant::now();
    for object in peer.objects[..n].iter_mut() {
        *object = touch(peer.bump.alloc_slice_fill_copy(size, 0u8).as_mut_ptr());
    }
    let passed = elapsed(start);
    peer.bump.reset();
    passed
}

#[inline(never)]
fn grow_array(peer: &mut Peer, size: usize) -> f64 {
    let start = Instant::now();
    let mut array: BumpVec<u64> = BumpVec::new_in(&peer.bump);
    for i in 0..size {
        array.push(i as u64);
    }
    assert!(array.len() == size && unsafe { std::ptr::read_volatile(&array[size - 1]) } == size as u64 - 1);
    drop(array);
    peer.bump.reset();
    elapsed(start)
}

#[derive(Clone, Copy)]
enum Event {
    Allocate(u32),
    Resize(u32, u32),
    Free,
}

fn load_trace(path: &str) -> Vec<Event> {
    let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| match line.split_at(1) {
            ("+", size) => Event::Allocate(hex(size)),
            ("=", rest) => {
                let (object, size) = rest.split_once(' ').unwrap();
                Event::Resize(object.parse().unwrap(), hex(size))
            }
            _ => Event::Free,
        })
        .collect()
}

#[inline(never)]
fn replay(peer: &mut Peer, events: &[Event], traced: &mut Vec<(*mut u8, u32)>) -> f64 {
    let start = Instant::now();
    let mut n = 0;
    for event in events {
        match *event {
            Event::Allocate(size) => {
                let size = size.max(4);
                traced[n] = (touch(alloc(&peer.bump, size as usize)), size);
                n += 1;
            }
            Event::Resize(object, size) => {
                let (old, old_size) = traced[object as usize];
                let size = size.max(4);
                let memory = alloc(&peer.bump, size as usize);
                unsafe { memory.copy_from(old, old_size.min(size) as usize) };
                touch(memory);
                traced[object as usize] = (memory, size);
            }
            Event::Free => {}
        }
    }
    peer.bump.reset();
    elapsed(start)
}

// The state of all benches; round() returns the nanoseconds of a round and its operations.
struct Worker {
    peer: Peer,
    mixed: Vec<u32>,
    small: Vec<u32>,
    events: Vec<Event>,
    traced: Vec<(*mut u8, u32)>,
}

const NAMES: [&str; 19] = [
    "alloc/8 bytes",
    "alloc/16 bytes",
    "alloc/32 bytes",
    "alloc/64 bytes",
    "alloc/256 bytes",
    "alloc/1024 bytes",
    "alloc/4096 bytes",
    "alloc/mixed",
    "request/8 to 4096 bytes",
    "request/8 to 512 bytes",
    "request, filled/8 to 4096 bytes",
    "request, filled/8 to 512 bytes",
    "zeroed/256 bytes",
    "zeroed/4 KiB",
    "zeroed/64 KiB",
    "array/16",
    "array/1024",
    "array/65536",
    "trace/mandoc",
];

impl Worker {
    fn round(&mut self, name: &str) -> Option<(f64, f64)> {
        let (bench, case) = name.split_once('/')?;
        let number = case.split(' ').next()?.parse::<usize>().unwrap_or(0);
        let objects = OBJECTS as f64;
        let peer = &mut self.peer;
        Some(match bench {
            "alloc" if number > 0 => (alloc_fixed(peer, number), objects),
            "alloc" => (alloc_mixed(peer, &self.mixed), objects),
            "request" | "request, filled" => {
                let sizes = if case == "8 to 512 bytes" { &self.small } else { &self.mixed };
                (request(peer, sizes, bench != "request"), objects)
            }
            "zeroed" if case == "256 bytes" => (alloc_zeroed(peer, 256), 128.0),
            "zeroed" => (alloc_zeroed(peer, number << 10), 256.0),
            "array" => (grow_array(peer, number), number as f64),
            "trace" => (replay(peer, &self.events, &mut self.traced), 1.0),
            "threads" if (1..=MAX_THREADS).contains(&number) => (
                request_threads(&self.small, number),
                (REQUESTS_OF_THREAD * OBJECTS * number) as f64,
            ),
            _ => return None,
        })
    }

    // Run rounds for at least @ns nanoseconds; returns their times, and the operations of each.
    fn rounds(&mut self, name: &str, ns: f64) -> Option<(Vec<f64>, f64)> {
        let mut rounds = Vec::new();
        let mut sum = 0.0;
        loop {
            let (passed, operations) = self.round(name)?;
            rounds.push(passed);
            sum += passed;
            if rounds.len() == MAX_ROUNDS || rounds.len() >= MIN_ROUNDS && sum >= ns {
                return Some((rounds, operations));
            }
        }
    }

    // The median of the rounds that fit in SAMPLE_NS, after warm-up rounds for half that time.
    fn sample(&mut self, name: &str) -> Option<f64> {
        self.rounds(name, SAMPLE_NS / 2.0)?;
        let (mut rounds, operations) = self.rounds(name, SAMPLE_NS)?;
        rounds.sort_by(|a, b| a.partial_cmp(b).unwrap());
        Some(rounds[rounds.len() / 2] / operations)
    }
}

fn main() {
    let name = match env::args().nth(1) {
        Some(name) => name,
        None => {
            println!("{}\nthreads", NAMES.join("\n"));
            return;
        }
    };
    let events = match name.starts_with("trace/") {
        true => load_trace(&env::var("TRACE").expect("TRACE")),
        false => Vec::new(),
    };
    let traced = vec![(std::ptr::null_mut(), 0); events.len()];
    let mut worker = Worker {
        peer: Peer::new(),
        mixed: draw_sizes(4096),
        small: draw_sizes(512),
        events,
        traced,
    };
    unsafe { CLOCK_NS = cost_of_clock() };
    match worker.sample(&name) {
        Some(ns) => println!("{:.4}", ns),
        None => panic!("usage: bumpalo [BENCH/CASE]"),
    }
}
