<?php
// Fills an empty WordPress through its own functions, the same way every time; says on the last line what it made.
//
//     php wordpress_fill.php FOLDER-OF-WORDPRESS
//
// Dates are given where WordPress takes them. Its clock cannot be set, so the dates of the first posts, of the
// accounts and of revisions are put right in the tables at the end.

declare(strict_types=1);

define('WP_INSTALLING', true);
$_SERVER += ['HTTP_HOST' => '127.0.0.1', 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET'];
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/image.php';
require_once ABSPATH . 'wp-admin/includes/nav-menu.php';

function wp_mail(...$ignored): bool // nobody is to be told; WordPress takes the first wp_mail there is
{
    return true;
}

mt_srand(42);
const WORDS = ['pump', 'valve', 'invoice', 'meeting', 'drawing', 'permit', 'budget', 'quay', 'sensor', 'élévateur', 'Straße', '倉庫'];
$made = array_fill_keys(['users', 'posts', 'comments', 'terms'], 0);

function ok($result)
{
    if (is_wp_error($result)) {
        throw new RuntimeException($result->get_error_message());
    }
    return $result ?: throw new RuntimeException('WordPress refused without a reason');
}

function sentence(int $count): string
{
    return implode(' ', array_map(fn () => WORDS[mt_rand(0, count(WORDS) - 1)], range(1, $count)));
}

/** The clock of what is written: 61 minutes after the last. */
function moment(): string
{
    static $clock = 1680422400; // 2023-04-02 08:00 UTC
    return gmdate('Y-m-d H:i:s', $clock += 3660);
}

/** WordPress takes slashes off everything it is handed, as if it came from a form. */
function post(array $fields): int
{
    global $made;
    $date = moment();
    $made['posts']++;
    return ok(wp_insert_post(wp_slash($fields + ['post_status' => 'publish', 'post_date' => get_date_from_gmt($date), 'post_date_gmt' => $date]), true));
}

wp_install('Harbour Works & Söhne', 'admin', 'admin@example.com', true, '', 'secret of admin', 'en_US');
wp_installing(false);
foreach (['users' => 'users', 'posts' => 'posts', 'comments' => 'comments', 'terms' => 'terms'] as $table => $name) {
    $made[$table] = (int) $wpdb->get_var("SELECT count(*) FROM {$wpdb->$name}"); // its first post, page, comment and category
}
update_option('timezone_string', 'Europe/Paris');
update_option('permalink_structure', '');

// ------------------------------------------------------------------------------------------------ people

$people = [
    ['ada', 'Ada Lovelace', 'editor'], ['bjarne', 'Bjarne Sørensen', 'author'], ['chloe', 'Chloé Lefèvre', 'author'],
    ['dmitri', 'Дмитрий Иванов', 'contributor'], ['fatima', 'فاطمة الزهراء', 'author'], ['hanako', '山田花子', 'subscriber'],
    ['kim', "Kim O'Neill \\ Sons", 'author'], ['liam', 'Liam 👷', 'subscriber'], ['none', 'Nobody Special', ''],
];
$users = [1];
foreach ($people as [$login, $name, $role]) {
    $users[] = $id = ok(wp_insert_user(wp_slash([
        'user_login' => $login, 'user_pass' => "secret of $login", 'user_email' => "$login@example.com", 'display_name' => $name, 'first_name' => explode(' ', $name)[0],
        'last_name' => explode(' ', $name, 2)[1] ?? '', 'role' => $role, 'user_registered' => moment(), 'description' => "About <b>$name</b>\n\nSecond paragraph.", 'user_url' => 'https://example.com/~' . $login,
    ])));
    $made['users']++;
    update_user_meta($id, 'harbour_badge', ['number' => $id * 7, 'doors' => ['north', 'Süd'], 'valid' => true, 'rate' => 1.5, 'none' => null]);
}

// ------------------------------------------------------------------------------------------------ terms

function term(string $name, string $taxonomy, array $more = []): int
{
    global $made;
    $made['terms']++;
    return (int) ok(wp_insert_term(wp_slash($name), $taxonomy, wp_slash($more)))['term_id'];
}

$works = term('Works', 'category', ['description' => 'All <em>works</em>']);
$categories = [$works, term('Hydraulics', 'category', ['parent' => $works]), term('Élec & réseau', 'category', ['parent' => $works]), term('倉庫', 'category')];
$tags = array_map(fn ($name) => term($name, 'post_tag'), ['urgent', 'sûreté', 'C++', '100 %', '👷', "foreman's"]);
add_term_meta($works, 'colour', ['rgb' => [12, 34, 56]]);

// ------------------------------------------------------------------------------------------------ files

$png = base64_decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==');
$picture = imagecreatetruecolor(1200, 800);
imagefilledrectangle($picture, 100, 100, 900, 600, imagecolorallocate($picture, 200, 80, 20));
ob_start();
imagejpeg($picture, null, 80);
$jpeg = ob_get_clean();
$files = [['plan.png', $png], ['photo of the quay.jpg', $jpeg], ['Übersicht – 2023.pdf', "%PDF-1.4\n%%EOF\n"], ['notes.txt', "One\r\ntwo\r\n"], ['倉庫.csv', "name;preis\r\n倉庫;1,50\r\n"]];
$attachments = [];
foreach ($files as $index => [$name, $bytes]) {
    $date = moment();
    $upload = wp_upload_bits($name, null, $bytes, substr($date, 0, 7)); // folders of years and months
    if ($upload['error']) {
        throw new RuntimeException($upload['error']);
    }
    $attachments[] = $id = ok(wp_insert_attachment(wp_slash([
        'post_title' => pathinfo($name, PATHINFO_FILENAME), 'post_mime_type' => $upload['type'], 'guid' => $upload['url'], 'post_author' => $users[1 + $index % 3],
        'post_excerpt' => "Caption of $name", 'post_content' => '', 'post_date' => get_date_from_gmt($date), 'post_date_gmt' => $date,
    ]), $upload['file'], 0, true));
    $made['posts']++;
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $upload['file'])); // smaller images beside the photo
    update_post_meta($id, '_wp_attachment_image_alt', wp_slash("Alt \"$name\""));
}

// ------------------------------------------------------------------------------------------------ posts

$bodies = [
    "<!-- wp:paragraph -->\n<p>The <strong>valve</strong> &amp; the gauge, <a href=\"/?p=1\">see</a>.</p>\n<!-- /wp:paragraph -->\n\n<!-- wp:list --><ul><li>one</li><li>two <em>three</em></li></ul><!-- /wp:list -->",
    "Old style without paragraphs\n\nSecond line with [gallery ids=\"{$attachments[0]},{$attachments[1]}\"] and [caption]shortcode[/caption].\n<!--more-->\nThe rest.",
    "C:\\Temp\\new 'quotes' \"double\" %s ~ \\\\server\\share",
    'مرحبا بالعالم — שלום — 👩‍🔧 e' . "\u{301}" . ' vs é',
    "<!-- wp:image {\"id\":{$attachments[1]},\"sizeSlug\":\"large\"} -->\n<figure class=\"wp-block-image\"><img src=\"" . wp_get_attachment_url($attachments[1]) . "\" alt=\"\" class=\"wp-image-{$attachments[1]}\"/></figure>\n<!-- /wp:image -->",
    '',
];
$statuses = ['publish', 'publish', 'publish', 'draft', 'publish', 'private', 'publish', 'pending', 'publish', 'future'];
$posts = [];
for ($index = 0; $index < 30; $index++) {
    $status = $statuses[$index % 10];
    $fields = [
        'post_title' => ucfirst(sentence(3)) . ' ' . ($index + 1) . ($index === 4 ? ' <em>&amp; more</em>' : ''), 'post_content' => $bodies[$index % 6], 'post_excerpt' => $index % 4 ? '' : sentence(8),
        'post_author' => $users[[0, 1, 2, 3, 5, 7][$index % 6]], 'post_status' => $status, 'post_category' => [$categories[$index % 4]], 'tags_input' => $index % 3 ? [$tags[$index % 6], $tags[($index + 1) % 6]] : [],
        'post_password' => $index === 8 ? 'open sesame' : '', 'comment_status' => $index % 7 === 6 ? 'closed' : 'open',
        'meta_input' => ['supplier' => "Müller & Söhne $index", 'readings' => ['unit' => 'l/s', 'values' => [1.25, 2, -3], 'by' => (object) ['name' => 'Ada', 'ok' => false]]],
    ];
    if ($status === 'future') {
        $fields = ['post_date' => '2099-01-01 11:00:00', 'post_date_gmt' => '2099-01-01 10:00:00'] + $fields;
    }
    $posts[] = $id = post($fields);
    if ($index % 5 === 0) {
        set_post_thumbnail($id, $attachments[1]);
    }
    if ($index % 8 === 1) {
        stick_post($id);
    }
    add_post_meta($id, 'visitor', wp_slash("first \\ visitor"));
    add_post_meta($id, 'visitor', 'second visitor'); // one key, two values
}
$handbook = post(['post_type' => 'page', 'post_title' => 'Handbook', 'post_content' => $bodies[0], 'post_author' => $users[1], 'menu_order' => 3]);
$safety = post(['post_type' => 'page', 'post_title' => 'Sécurité & santé', 'post_content' => $bodies[3], 'post_author' => $users[3], 'post_parent' => $handbook]);
$pages = [$handbook, $safety, post(['post_type' => 'page', 'post_title' => 'Fire', 'post_content' => $bodies[1], 'post_author' => $users[3], 'post_parent' => $safety])];
wp_update_post(['ID' => $attachments[0], 'post_parent' => $posts[0]]);

foreach ([...array_slice($posts, 0, 10), $handbook] as $index => $id) { // a revision for each change
    for ($change = 1; $change <= 1 + $index % 3; $change++) {
        wp_set_current_user($users[1 + $change]);
        $before = count(wp_get_post_revisions($id));
        ok(wp_update_post(wp_slash(['ID' => $id, 'post_content' => $bodies[($index + $change) % 5] . "\n\nChange $change.", 'post_title' => get_post($id)->post_title . ($change === 2 ? ' (again)' : '')]), true));
        $made['posts'] += count(wp_get_post_revisions($id)) - $before;
    }
}
wp_trash_post($posts[27]);
$made['posts'] += count(wp_get_post_revisions($posts[27]));
ok(wp_delete_post($posts[26], true)); // one that is gone; no revisions
$made['posts']--;

// ------------------------------------------------------------------------------------------------ comments

$texts = ["Well done!\n\nReally.", '<a href="https://example.com">link</a> <b>bold</b>', "It's \\ a \"test\"", 'Спасибо 👍', sentence(60)];
foreach (array_slice($posts, 0, 12) as $index => $id) {
    $parent = 0;
    for ($which = 0; $which < 1 + $index % 4; $which++) {
        $known = $users[1 + ($index + $which) % 8];
        $guest = $which === 1;
        $date = moment();
        $parent = ok(wp_insert_comment(wp_slash([
            'comment_post_ID' => $id, 'comment_parent' => $which % 2 ? $parent : 0, 'user_id' => $guest ? 0 : $known, 'comment_author' => $guest ? 'Guest <Visitor>' : get_userdata($known)->display_name,
            'comment_author_email' => $guest ? 'guest@example.org' : get_userdata($known)->user_email, 'comment_author_IP' => '192.0.2.7', 'comment_content' => $texts[($index + $which) % 5],
            'comment_approved' => ['1', '1', '0', 'spam'][($index + $which) % 4], 'comment_date' => get_date_from_gmt($date), 'comment_date_gmt' => $date, 'comment_agent' => 'Mozilla/5.0',
        ])));
        $made['comments']++;
        add_comment_meta($parent, 'rating', ['stars' => $which + 1]);
    }
}
wp_insert_comment(['comment_post_ID' => $posts[0], 'comment_type' => 'pingback', 'comment_author' => 'Another site', 'comment_author_url' => 'https://example.net/', 'comment_content' => '[…] see […]', 'comment_date' => get_date_from_gmt($date), 'comment_date_gmt' => $date]);
$made['comments']++;

// ------------------------------------------------------------------------------------------------ menu

$menu = ok(wp_create_nav_menu('Main menu'));
$made['terms']++;
$above = 0;
foreach ([['post_type', 'page', $handbook, ''], ['post_type', 'page', $safety, 'Safety'], ['taxonomy', 'category', $works, ''], ['custom', '', 0, 'Elsewhere']] as $index => [$type, $object, $id, $title]) {
    $item = ok(wp_update_nav_menu_item($menu, 0, [
        'menu-item-type' => $type, 'menu-item-object' => $object, 'menu-item-object-id' => $id, 'menu-item-title' => $title, 'menu-item-url' => $type === 'custom' ? 'https://example.com/?a=1&b=2' : '',
        'menu-item-status' => 'publish', 'menu-item-parent-id' => $index === 1 ? $above : 0, 'menu-item-position' => $index + 1,
    ]));
    $above = $index === 0 ? $item : $above;
    $made['posts']++;
}
set_theme_mod('nav_menu_locations', ['primary' => $menu]);
update_option('harbour_settings', ['limits' => [1, 2.5], 'name' => 'Müller & Söhne', 'on' => true]);

// ------------------------------------------------------------------------------------------------ the clock

$then = '2023-06-01 08:00:00'; // Paris is two hours ahead
foreach ([
    "UPDATE $wpdb->users SET user_registered = '2023-04-01 09:00:00' WHERE ID = 1",
    "UPDATE $wpdb->posts SET post_date_gmt = '$then' + INTERVAL ID MINUTE WHERE post_date > now() - INTERVAL 1 DAY AND post_date < '2099-01-01'",
    "UPDATE $wpdb->posts SET post_date = post_date_gmt + INTERVAL 2 HOUR WHERE post_date_gmt > '$then' AND post_date < '2099-01-01'",
    "UPDATE $wpdb->posts SET post_modified_gmt = post_date_gmt WHERE post_modified > now() - INTERVAL 1 DAY",
    "UPDATE $wpdb->posts AS p, (SELECT post_parent, max(post_date_gmt) AS last FROM $wpdb->posts WHERE post_type = 'revision' GROUP BY post_parent) AS r
        SET p.post_modified_gmt = r.last WHERE p.ID = r.post_parent",
    "UPDATE $wpdb->posts SET post_modified = post_modified_gmt + INTERVAL 2 HOUR",
    "UPDATE $wpdb->comments SET comment_date_gmt = '$then', comment_date = '$then' + INTERVAL 2 HOUR WHERE comment_ID = 1",
] as $statement) {
    ok($wpdb->query($statement));
}

foreach ($made as $table => $count) {
    $counts[$wpdb->$table] = $count;
}
echo "\n", json_encode($counts), "\n";
