//! The camera: a heatmap over what it sees now. A frame is taken only when the engine is free, so frames are dropped and never
//! wait in a line; pausing leaves the last one to be explored like any photo.

use super::jobs::Jobs;
use super::picture;
use super::state::{Fault, Retry};
use super::widgets::{act, told, whether};

use crate::image::Photo;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

/// How often a free engine is offered a frame: no camera is faster.
const FRAME: Duration = Duration::from_millis(33);

/// What the camera is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Live {
    #[default]
    Off,
    Running,
    Paused,
}

/// An open camera.
pub struct Camera {
    stream: MediaStream,
    video: HtmlVideoElement,
    canvas: HtmlCanvasElement,
    timer: IntervalHandle,
    last: f64,
}

impl Camera {
    /// Asks for the camera; the browser asks the visitor. `free` is called again and again until the camera is closed.
    async fn open(free: impl Fn() + 'static) -> Result<Camera, JsValue> {
        let devices = window().navigator().media_devices()?;
        let constraints = MediaStreamConstraints::new();
        // The one at the back, where there are two; no more pixels than are painted.
        constraints.set_video(&js_sys::JSON::parse(r#"{"facingMode":"environment","width":{"ideal":640}}"#)?);
        let stream: MediaStream =
            JsFuture::from(devices.get_user_media_with_constraints(&constraints)?).await?.unchecked_into();
        let video: HtmlVideoElement = document().create_element("video")?.unchecked_into();
        let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
        video.set_muted(true);
        video.set_attribute("playsinline", "")?; // or an iPhone opens its own player
        video.set_src_object(Some(&stream));
        JsFuture::from(video.play()?).await?;
        let timer = set_interval_with_handle(free, FRAME)?;
        Ok(Camera { stream, video, canvas, timer, last: -1.0 })
    }

    /// What it sees now; `None` when that is no news, or nobody looks.
    pub fn frame(&mut self) -> Option<Photo> {
        let (width, height) = (self.video.video_width(), self.video.video_height());
        let now = self.video.current_time();
        if document().hidden() || width * height == 0 || now == self.last {
            return None;
        }
        self.last = now;
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        let context: CanvasRenderingContext2d = self.canvas.get_context("2d").ok()??.unchecked_into();
        context.draw_image_with_html_video_element(&self.video, 0.0, 0.0).ok()?;
        let rgba = context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)).ok()?.data();
        Some(Photo::new(width as usize, height as usize, picture::opaque(&rgba)))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.timer.clear();
        self.stream.get_tracks().iter().for_each(|track| track.unchecked_into::<MediaStreamTrack>().stop());
    }
}

impl Jobs {
    pub fn start_camera(self) {
        let state = self.state;
        self.clear_small_failure();
        spawn_local(async move {
            match Camera::open(move || self.kick()).await {
                Ok(camera) => {
                    self.inner().camera.replace(Some(camera));
                    self.remember();
                    state.class.set(None);
                    state.live.set(Live::Running);
                }
                Err(error) => {
                    let detail = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
                    self.fail(Fault::Camera { detail: detail.unwrap_or_default() }, Retry::None);
                }
            }
        });
    }

    /// The frame on show stays, and becomes one of the visitor's photos.
    pub fn pause_camera(self) {
        if self.state.live.get_untracked() == Live::Running {
            self.state.live.set(Live::Paused);
            self.keep();
        }
    }

    pub fn stop_camera(self) {
        self.pause_camera();
        self.inner().camera.replace(None);
        self.state.live.set(Live::Off);
    }
}

/// While the camera is open: what one can do with it, over the picture.
#[component]
pub fn CameraBar(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let live = state.live;
    view! {
        <div class="camera-bar" class:shown=whether(move || live.get() != Live::Off)>
            <button
                type="button"
                class="strong"
                data-testid="camera-pause"
                on:click=act(move || match live.get_untracked() {
                    Live::Running => jobs.pause_camera(),
                    _ => live.set(Live::Running),
                })
            >
                {told(move || {
                    let text = state.text().camera;
                    if live.get() == Live::Paused { text.resume } else { text.pause }.to_owned()
                })}
            </button>
            <button type="button" data-testid="camera-keep" disabled=whether(move || live.get() != Live::Running) on:click=act(move || jobs.keep())>
                {state.say(|text| text.camera.keep)}
            </button>
            <button type="button" data-testid="camera-stop" on:click=act(move || jobs.stop_camera())>
                {state.say(|text| text.camera.stop)}
            </button>
        </div>
    }
}
