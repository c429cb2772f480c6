<?php
// Fills an empty MediaWiki through its own services, the same way every time; says on the last line what it made.
//
//     MW_INSTALL_PATH=/usr/share/mediawiki MW_CONFIG_FILE=.../LocalSettings.php php mediawiki_fill.php

use MediaWiki\MediaWikiServices;
use MediaWiki\Revision\RevisionRecord;
use MediaWiki\Revision\SlotRecord;
use Wikimedia\Timestamp\ConvertibleTimestamp;

require_once getenv('MW_INSTALL_PATH') . '/maintenance/Maintenance.php';

class Fill extends Maintenance
{
    /** @var array<string, int> rows by table */
    private array $made = ['user' => 2, 'page' => 1, 'revision' => 1]; // by the installer: the administrator, the main page and who wrote it
    /** @var array<string, User> */
    private array $users = [];
    private int $clock = 1672646400; // 2023-01-02 08:00 UTC
    private MediaWikiServices $services;

    private const WORDS = ['pump', 'valve', 'invoice', 'meeting', 'drawing', 'permit', 'budget', 'quay', 'sensor', 'élévateur', 'Straße', '倉庫'];

    public function execute(): void
    {
        $this->services = MediaWikiServices::getInstance();
        mt_srand(42);
        $this->people();
        $this->pages();
        $this->files();
        $this->changes();
        DeferredUpdates::doUpdates();
        $this->services->getJobRunner()->run([]); // links, categories: else they wait for visitors
        SiteStatsInit::doAllAndCommit($this->getDB(DB_PRIMARY));
        $this->output("\n" . json_encode($this->made) . "\n");
    }

    /** The clock of MediaWiki, 47 minutes after the last time. */
    private function tick(): void
    {
        ConvertibleTimestamp::setFakeTime($this->clock += 2820);
    }

    private function count(string $table): void
    {
        $this->made[$table] = ($this->made[$table] ?? 0) + 1;
    }

    private function sentence(int $count): string
    {
        return implode(' ', array_map(fn () => self::WORDS[mt_rand(0, count(self::WORDS) - 1)], range(1, $count)));
    }

    private function good(StatusValue $status): void
    {
        if (!$status->isGood()) {
            throw new RuntimeException((string) $status);
        }
    }

    private function people(): void
    {
        $people = ['Ada' => ['sysop', 'bureaucrat'], 'Bjarne Sørensen' => [], 'Chloé' => [], 'Дмитрий' => [], 'فاطمة' => [], '花子' => [], "O'Neill" => [], 'Robot' => ['bot'], 'Vandal' => []];
        foreach ($people as $name => $groups) {
            $this->tick();
            $user = User::createNew($name, ['email' => 'user' . count($this->users) . '@example.com', 'real_name' => "$name in full"]);
            $user->changeAuthenticationData(['username' => $name, 'password' => "secret of $name", 'retype' => "secret of $name"]);
            foreach ($groups as $group) {
                $this->services->getUserGroupManager()->addUserToGroup($user, $group);
            }
            $this->users[] = $user;
            $this->count('user');
        }
        $options = $this->services->getUserOptionsManager();
        $options->setOption($this->users[2], 'language', 'fr');
        $options->setOption($this->users[2], 'timecorrection', 'ZoneInfo|60|Europe/Paris');
        $options->saveOptions($this->users[2]);
    }

    /** @param string[] $texts one for each revision */
    private function page(string $name, array $texts, int $first = 0): WikiPage
    {
        $title = Title::newFromTextThrow($name);
        $page = $this->services->getWikiPageFactory()->newFromTitle($title);
        foreach ($texts as $index => $text) {
            $this->tick();
            $user = $this->users[($first + $index) % 8];
            $updater = $page->newPageUpdater($user)->setContent(SlotRecord::MAIN, ContentHandler::makeContent($text, $title));
            $summary = [$this->sentence(3), '', '/* Steps */ <b>tag</b> & [[Quay|link]]'][($first + $index) % 3];
            $updater->saveRevision(CommentStoreComment::newUnsavedComment($summary), $index % 3 === 2 ? EDIT_MINOR : 0);
            $this->good($updater->getStatus());
            $this->count('revision');
        }
        $this->count('page');
        return $page;
    }

    private function pages(): void
    {
        $this->page('Template:Machine', ['{| class="wikitable"' . "\n! {{{name|?}}}\n|-\n| {{{power|–}}} kW\n|}<noinclude>[[Category:Templates]]</noinclude>"]);
        $this->page('Category:Machines', ["All machines.\n[[Category:Works]]"]);
        $this->page('Category:Works', ['{{DEFAULTSORT:Aaa}}Everything.']);
        $this->page('MediaWiki:Sidebar-note', ['Changed message']);
        $this->page('MediaWiki:Common.css', ['body { color: #111 } /* <script> */'], 0);
        $this->page('User:Ada', ["I am '''Ada'''. ~~~~"]);
        $this->page('User:Ada/common.js', ["console.log('mine');"]);
        $this->page('User talk:Chloé', ["== Hello ==\nWelcome! ~~~~", "== Hello ==\nWelcome! ~~~~\n: Merci ! ~~~~"], 1);
        $this->page('Project:About', ['About this wiki.']);
        $this->page('Help:Contents', ["Read [[Special:AllPages]].\n__NOTOC__"]);
        $bodies = [
            "'''Machine''' of the ''harbour''.\n{{Machine|name=Pump|power=7,5}}\n== Steps ==\n# open\n## the valve\n* read [[Quay]]\n[[Category:Machines|Pump]]",
            "== Table ==\n{| class=\"wikitable\"\n! a !! b\n|-\n| 1 || <nowiki>''2''</nowiki>\n|}\n<ref>none</ref> https://example.com/?a=1&b=2 [mailto:x@example.com mail]",
            "مرحبا بالعالم — שלום — 👩‍🔧 e\u{301} vs é\n\n<!-- hidden --> &nbsp;&lt;b&gt; <b>bold</b>\n[[File:Quay.jpg|thumb|100px|The quay]] [[fr:Quai]]",
            "<syntaxhighlight lang=\"php\"><?php echo '<br>'; ?></syntaxhighlight>\n<pre>  two  spaces </pre>\nC:\\Temp\\new ~%_ \"quotes\" 'single'\n----\n; term : meaning",
            'Long: ' . str_repeat('lorem ipsum ', 900) . "\n[[Category:Works]] {{No such template}} [[No such page]]",
        ];
        for ($index = 1; $index <= 26; $index++) {
            $name = match ($index % 13) {
                1 => "Machine $index", 2 => "Élévateur n° $index", 3 => "倉庫 $index", 4 => "AC/DC $index/Sub-page", 5 => "What? 100 % & \"$index\"",
                6 => "مضخة $index", 7 => "iPhone $index", 8 => "👷 $index", default => ucfirst($this->sentence(2)) . " $index",
            };
            $texts = [];
            for ($revision = 0; $revision < 1 + $index % 5; $revision++) {
                $texts[] = ($revision % 2 ? "''Revision $revision''\n\n" : '') . $bodies[($index + $revision) % 5] . str_repeat("\n\nMore.", $revision);
            }
            $this->page($name, $texts, $index);
            if ($index % 4 === 0) {
                $this->page("Talk:$name", ["== Question ==\nWhy? ~~~~", "== Question ==\nWhy? ~~~~\n:Because. ~~~~"], $index + 2);
            }
        }
        $this->page('Quay', ["The quay.", "The quay.\n\n[[Machine 1]]", '', "The quay, again.\n\n[[Machine 1]]"], 3); // emptied once
        $this->page('Kai', ['#REDIRECT [[Quay]]']);
        $this->page('Kaje', ['#REDIRECT [[Kai]]']); // a redirect to a redirect
        $this->page('Ufer', ['#WEITERLEITUNG [[Quay#Steps]]', '#REDIRECT [[Quay#Steps]]']);
    }

    private function files(): void
    {
        $picture = imagecreatetruecolor(600, 400);
        foreach ([['Quay.jpg', [200, 80, 20]], ['Quay.jpg', [20, 80, 200]], ['Plan – Straße.png', [9, 99, 9]], ['Gone.png', [1, 2, 3]], ['Notes.txt', null]] as $index => [$name, $colour]) {
            $this->tick();
            $path = wfTempDir() . '/' . $index . strrchr($name, '.');
            if ($colour === null) {
                file_put_contents($path, "First line\r\n倉庫\r\n");
            } else {
                imagefilledrectangle($picture, 50, 50, 500, 300, imagecolorallocate($picture, ...$colour));
                str_ends_with($name, 'jpg') ? imagejpeg($picture, $path) : imagepng($picture, $path);
            }
            $file = $this->services->getRepoGroup()->getLocalRepo()->newFile(Title::makeTitleSafe(NS_FILE, $name));
            $new = !$file->exists();
            $this->good($file->upload($path, "Upload $index", "Text of [[$name]]. [[Category:Files]]", 0, false, false, $this->users[$index % 4]));
            DeferredUpdates::doUpdates();
            unlink($path);
            $this->count($new ? 'image' : 'oldimage');
            $this->count('revision'); // of the page, or one that says there is a new version
            if ($new) {
                $this->count('page');
            }
        }
    }

    private function changes(): void
    {
        [$ada, $bjarne, $chloe, , , , , , $vandal] = $this->users;
        $factory = $this->services->getWikiPageFactory();
        $this->tick(); // moved, with a redirect and without
        foreach ([['Machine 1', 'Machine one', true], ['Machine 14', 'Pumps: machine fourteen', false]] as [$old, $new, $redirect]) {
            $this->good($this->services->getMovePageFactory()->newMovePage(Title::newFromText($old), Title::newFromText($new))->move($ada, "Better name for [[$old]]", $redirect));
            $this->count('revision'); // says so
            if ($redirect) {
                $this->count('revision');
                $this->count('page');
            }
        }
        $this->tick(); // deleted, a page and a file
        $doomed = $this->page('Doomed', ['First.', 'Second.', 'Third.'], 4);
        $this->good($this->services->getDeletePageFactory()->newDeletePage($doomed, $ada)->deleteUnsafe('Not needed'));
        $this->made['page']--;
        $this->made['revision'] -= 3;
        $this->made['archive'] = 3;
        $gone = $this->services->getRepoGroup()->getLocalRepo()->newFile(Title::makeTitle(NS_FILE, 'Gone.png'));
        $this->good($gone->deleteFile('Wrong picture', $ada));
        $this->good($this->services->getDeletePageFactory()->newDeletePage($factory->newFromTitle($gone->getTitle()), $ada)->deleteUnsafe('Wrong picture'));
        $this->made['image']--;
        $this->made['page']--;
        $this->made['revision']--;
        $this->made['archive']++;
        $this->made['filearchive'] = 1;

        $this->tick(); // text and author of one old revision hidden
        $quay = Title::newFromText('Quay');
        $context = RequestContext::getMain();
        $context->setUser($ada);
        $first = $this->services->getRevisionLookup()->getFirstRevision($quay)->getId();
        $this->good(RevisionDeleter::createList('revision', $context, $quay, [$first])->setVisibility([
            'value' => [RevisionRecord::DELETED_TEXT => 1, RevisionRecord::DELETED_COMMENT => 0, RevisionRecord::DELETED_USER => 1, RevisionRecord::DELETED_RESTRICTED => 0],
            'comment' => 'Private data', 'perItemStatus' => false,
        ]));

        $this->tick();
        $cascade = false;
        $this->good($factory->newFromTitle($quay)->doUpdateRestrictions(['edit' => 'sysop', 'move' => 'sysop'], [], $cascade, 'Often vandalised', $ada));
        $this->made['page_restrictions'] = 2;
        $this->count('revision'); // says so

        $this->tick();
        $blocks = $this->services->getBlockUserFactory();
        $this->good($blocks->newBlockUser($vandal, $ada, 'infinity', 'Vandalism of [[Quay]]')->placeBlock());
        $this->good($blocks->newBlockUser('192.0.2.0/24', $ada, '20330101000000', '', ['isHardBlock' => true])->placeBlock());
        $this->made['ipblocks'] = 2;

        $watched = $this->services->getWatchedItemStore();
        foreach ([[$bjarne, 'Quay'], [$bjarne, 'Machine one'], [$chloe, 'Quay'], [$chloe, 'No such page']] as [$user, $name]) {
            $title = Title::newFromText($name);
            foreach ([$title->getSubjectPage(), $title->getTalkPage()] as $target) { // watching is always both
                $watched->addWatch($user, Title::newFromLinkTarget($target));
                $this->count('watchlist');
            }
        }
        ConvertibleTimestamp::setFakeTime(false);
    }
}

$maintClass = Fill::class;
require_once RUN_MAINTENANCE_IF_MAIN;
