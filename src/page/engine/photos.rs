//! Photos that the engine holds: decoding them, and painting them at their own size.

use super::super::fault::Fault;
use super::super::platform::{browser_decoder, canvas, fetch, timer};
use super::message::Attached;
use super::protocol::{Decode, Decoded, Event, Paint, PhotoId, PhotoSource};
use super::service::Service;
use gradlens::image::{Photo, left_to_the_browser};
use js_sys::Uint8Array;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// Decoded photos by their numbers.
#[derive(Default)]
pub struct Photos {
    all: RefCell<BTreeMap<PhotoId, Rc<Photo>>>,
    /// The photo that was asked for last: an older one that is read more slowly is dropped.
    wanted: Cell<PhotoId>,
}

impl Photos {
    pub fn get(&self, id: PhotoId) -> Option<Rc<Photo>> {
        self.all.borrow().get(&id).cloned()
    }

    pub fn insert(&self, id: PhotoId, photo: Photo) {
        self.all.borrow_mut().insert(id, Rc::new(photo));
    }

    /// Drops what the page no longer knows; a photo that came after `ids` is still on its way to it.
    pub fn keep(&self, ids: &[PhotoId]) {
        let newest = ids.iter().copied().max().unwrap_or(0);
        self.all.borrow_mut().retain(|id, _| *id > newest || ids.contains(id));
    }
}

/// Decodes beside the service's loop.
pub fn decode(service: Rc<Service>, request: Decode) {
    let Decode { photo: id, source } = request;
    service.photos.wanted.set(id);
    spawn_local(async move {
        let decoded = async {
            let bytes = bytes(source).await?;
            timer::yield_to_browser().await;
            if service.photos.wanted.get() != id {
                return Ok(None);
            }
            pixels(&bytes).await.map(Some)
        };
        match decoded.await {
            Ok(None) => {}
            Ok(Some(photo)) => {
                let shown = photo.shrunk(canvas::SHOWN);
                let (width, height) = (photo.width, photo.height);
                service.photos.insert(id, photo);
                service.emit(Event::Decoded(Decoded { photo: id, width, height, shown }));
            }
            Err(fault) => service.emit(Event::DecodeFailed(id, fault)),
        }
    });
}

/// A photo that is not kept.
pub async fn read(source: PhotoSource) -> Result<Photo, Fault> {
    pixels(&bytes(source).await?).await
}

async fn bytes(source: PhotoSource) -> Result<Vec<u8>, Fault> {
    match source {
        PhotoSource::File(Attached(file)) => fetch::file(&file).await,
        PhotoSource::Site(path) => fetch::whole(&path).await,
    }
}

async fn pixels(bytes: &[u8]) -> Result<Photo, Fault> {
    Ok(match left_to_the_browser(bytes)? {
        true => browser_decoder::decode(bytes).await?,
        false => Photo::decode(bytes)?,
    })
}

/// Paints a photo at its own size, with or without a heatmap.
pub fn paint(service: Rc<Service>, request: Paint) {
    spawn_local(async move {
        let pixels = service.photos.get(request.photo).map(|photo| match &request.heatmap {
            Some((explanation, look)) => {
                canvas::over(&photo, (photo.width, photo.height), explanation, *look)
            }
            None => canvas::plain(&photo),
        });
        let rgba = pixels.map(|pixels| Attached(Uint8Array::from(&*pixels.rgba).buffer()));
        service.emit(Event::Painted { id: request.id, rgba });
    });
}
