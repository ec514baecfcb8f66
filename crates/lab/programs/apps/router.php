<?php
// A script behind PHP's own server: files of the document root, and uploads refused by their size.
const LARGEST_UPLOAD = 1 << 20;

if (($_SERVER['CONTENT_LENGTH'] ?? 0) > LARGEST_UPLOAD) {
    http_response_code(413);
    echo "too large\n";
    return true;
}
return false;
