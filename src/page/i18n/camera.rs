//! Words of the camera and of the tray of photos.

pub struct Camera {
    pub start: &'static str,
    pub pause: &'static str,
    pub resume: &'static str,
    pub keep: &'static str,
    pub stop: &'static str,
    pub frame: &'static str,
    pub refused: &'static str,
    pub tray: &'static str,
    pub tray_photo: &'static str,
}

pub static ENGLISH: Camera = Camera {
    start: "Live camera",
    pause: "Pause and look",
    resume: "Go on",
    keep: "Keep picture",
    stop: "Stop camera",
    frame: "camera",
    refused: "The camera can't be used ({}). Allow it in the browser's address bar, see that no other program holds it, and try again.",
    tray: "Your photos",
    tray_photo: "Photo {}: {}",
};

pub static CHINESE: Camera = Camera {
    start: "实时摄像头",
    pause: "暂停并细看",
    resume: "继续",
    keep: "留下这张",
    stop: "关闭摄像头",
    frame: "摄像头",
    refused: "无法使用摄像头（{}）。请在浏览器地址栏中允许使用，确认没有被其他程序占用，然后重试。",
    tray: "你的照片",
    tray_photo: "照片 {}：{}",
};
