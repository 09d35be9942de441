//! The worker's end of the protocol.

use super::message;
use super::protocol::{Event, Reply};
use super::service::Service;
use std::cell::Cell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

struct Worker {
    port: MessagePort,
    service: Rc<Service>,
    received: Cell<u32>,
}

impl Worker {
    fn reply(&self, event: Option<Event>) {
        let reply = Reply { received: self.received.get(), idle: self.service.is_idle(), event };
        message::post(&self.port, &reply);
    }
}

/// Serves the page at the other end of `port`. The worker's script calls it (`start.js`).
#[wasm_bindgen]
pub fn serve_engine(port: MessagePort) {
    let worker = Rc::new_cyclic(|worker: &Weak<Worker>| {
        let replier = worker.clone();
        let on_event = move |event| {
            if let Some(worker) = replier.upgrade() {
                worker.reply(Some(event));
            }
        };
        Worker { port: port.clone(), service: Service::new(on_event), received: Cell::new(0) }
    });
    worker.reply(None); // it listens
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        worker.received.set(worker.received.get() + 1);
        worker.service.receive(message::read(event.data()));
        worker.reply(None); // so that the page knows whether it is idle
    });
    port.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget(); // lives as long as the worker
}
