//! The camera's pictures.

use super::canvas;
use gradlens::image::Photo;
use leptos::prelude::{IntervalHandle, document, set_interval_with_handle, window};
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, HtmlVideoElement, MediaStream,
    MediaStreamConstraints, MediaStreamTrack,
};

/// How often there may be a new frame: no camera is faster.
const FRAME: Duration = Duration::from_millis(33);

/// An open camera.
pub struct Camera {
    stream: MediaStream,
    video: HtmlVideoElement,
    canvas: HtmlCanvasElement,
    timer: IntervalHandle,
    last: f64,
}

impl Camera {
    /// Asks for the camera; the browser asks the visitor. `tick` is called thirty times a second
    /// until the camera is closed.
    pub async fn open(tick: impl Fn() + 'static) -> Result<Camera, JsValue> {
        let devices = window().navigator().media_devices()?;
        let constraints = MediaStreamConstraints::new();
        // The one at the back, where there are two; no more pixels than are painted.
        constraints.set_video(&js_sys::JSON::parse(
            r#"{"facingMode":"environment","width":{"ideal":640}}"#,
        )?);
        let stream: MediaStream =
            JsFuture::from(devices.get_user_media_with_constraints(&constraints)?)
                .await?
                .unchecked_into();
        let video: HtmlVideoElement = document().create_element("video")?.unchecked_into();
        let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
        video.set_muted(true);
        video.set_attribute("playsinline", "")?; // or an iPhone opens its own player
        video.set_src_object(Some(&stream));
        JsFuture::from(video.play()?).await?;
        let timer = set_interval_with_handle(tick, FRAME)?;
        Ok(Camera { stream, video, canvas, timer, last: -1.0 })
    }

    /// Its present picture; `None` where that is the last one still, or the page is hidden.
    pub fn frame(&mut self) -> Option<Photo> {
        let (width, height) = (self.video.video_width(), self.video.video_height());
        let now = self.video.current_time();
        if document().hidden() || width * height == 0 || now == self.last {
            return None;
        }
        self.last = now;
        canvas::resize(&self.canvas, width as usize, height as usize);
        let context: CanvasRenderingContext2d =
            self.canvas.get_context("2d").ok()??.unchecked_into();
        context.draw_image_with_html_video_element(&self.video, 0.0, 0.0).ok()?;
        let rgba =
            context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)).ok()?.data();
        Some(Photo::new(width as usize, height as usize, canvas::opaque(&rgba)))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.timer.clear();
        self.stream
            .get_tracks()
            .iter()
            .for_each(|track| track.unchecked_into::<MediaStreamTrack>().stop());
    }
}
