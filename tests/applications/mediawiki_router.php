<?php
// For `php -S`: gives the uploaded files, which lie outside of MediaWiki's own folder, and leaves the rest to it.
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (!str_starts_with($path, '/uploads/')) {
    return false;
}
$root = realpath(getenv('UPLOADS'));
$file = realpath($root . substr($path, strlen('/uploads')));
if ($file === false || !str_starts_with($file, $root . '/') || !is_file($file)) {
    http_response_code(404);
    return true;
}
header('Content-Type: ' . mime_content_type($file));
readfile($file);
return true;
