// Rust: enums with variant parts, tuples, generics, slices.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}

// The prebuilt core refers to it; nothing unwinds here.
#[no_mangle]
pub extern "C" fn rust_eh_personality() {}

pub mod kernel {
    pub struct Task<T> {
        pub id: u32,
        pub payload: T,
        pub name: &'static str,
        pub pair: (u8, u64),
    }

    pub enum Event {
        Idle,
        Timer { deadline: u64, owner: u32 },
        Packet(u16, [u8; 6]),
    }

    #[derive(Clone, Copy)]
    pub enum Colour {
        Red = 3,
        Green = 9,
    }

    #[no_mangle]
    pub static mut CURRENT: Task<u16> = Task { id: 7, payload: 1, name: "boot", pair: (1, 2) };
    #[no_mangle]
    pub static mut LAST: Event = Event::Timer { deadline: 5, owner: 1 };
    #[no_mangle]
    pub static mut MAYBE: Option<&'static Task<u16>> = None;
    #[no_mangle]
    pub static mut PAINT: Colour = Colour::Green;

    #[inline(always)]
    fn twice(value: u32) -> u32 {
        value * 2
    }

    #[inline(never)]
    pub fn work(task: &Task<u16>) -> u32 {
        twice(task.id) + task.payload as u32
    }
}

#[no_mangle]
pub extern "C" fn _start() -> ! {
    loop {
        unsafe {
            let task = &mut *core::ptr::addr_of_mut!(kernel::CURRENT);
            task.id = kernel::work(task);
            kernel::LAST = kernel::Event::Packet(1, [1, 2, 3, 4, 5, 6]);
            kernel::MAYBE = Some(&*core::ptr::addr_of!(kernel::CURRENT));
            kernel::PAINT = kernel::Colour::Red;
        }
    }
}
