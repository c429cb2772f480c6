<?php
/**
 * Pages of conversations: their paragraphs are made by reversa, and each of them has its line in reversa_map.
 */

use MediaWiki\Revision\MutableRevisionRecord;
use MediaWiki\Revision\RevisionRecord;
use MediaWiki\Revision\SlotRecord;

trait ReversaConversations
{
    /** The texts of the pages of conversations with these titles, or of all of them. */
    private function askConversations(array $question)
    {
        $texts = [];
        foreach ($this->mapped() ? $this->db->select('reversa_map', ['rm_id', 'rm_target'], ['rm_source' => $this->source, 'rm_kind' => 'conversation'], __METHOD__) : [] as $row) {
            if (!isset($question['titles']) || in_array($row->rm_id, $question['titles'], true)) {
                $text = $this->said((int) substr($row->rm_target, 5));
                if ($text !== null) {
                    $texts[$row->rm_id] = $text;
                }
            }
        }
        return $texts ?: (object) [];
    }

    /** The names of people here. */
    private function askSpeakers(array $question): array
    {
        $names = [];
        foreach ($this->mapped() ? $this->db->select('reversa_map', ['rm_id', 'rm_name'], ['rm_source' => $this->source, 'rm_kind' => 'user'], __METHOD__) : [] as $row) {
            $names[] = [$row->rm_id, $row->rm_name];
        }
        return $names;
    }

    private function said(int $page): ?string
    {
        $latest = $this->db->selectField('page', 'page_latest', ['page_id' => $page], __METHOD__);
        $revision = $latest ? $this->services->getRevisionStore()->getRevisionById((int) $latest, IDBAccessObject::READ_LATEST) : null;
        return $revision ? $revision->getContent(SlotRecord::MAIN, RevisionRecord::RAW)->serialize() : null;
    }

    /** A page gets its paragraphs, and each of those its line, or nothing is done. */
    private function askSay(array $question): array
    {
        $this->makeMap();
        $title = $question['title'];
        $this->beginTransaction($this->db, __METHOD__);
        try {
            $target = $this->known('conversation', $title);
            if ($target === null || !$this->there($target)) {
                $target = $this->doPage(['kind' => 'conversation', 'id' => $title, 'title' => $title]);
            } else {
                $this->learn(['kind' => 'conversation', 'id' => $title], $target, $title); // to be finished once more
            }
            $this->write((int) substr($target, 5), $question['text'], $question['nobody']);
            foreach ($question['records'] as [$kind, $id, $root, $place]) {
                $this->learn(['kind' => $kind, 'id' => $id, 'root' => $root], "said/" . substr($target, 5) . "/$place");
            }
            $this->commitTransaction($this->db, __METHOD__);
        } catch (Throwable $error) {
            $this->rollbackTransaction($this->db, __METHOD__);
            return ['page' => '', 'reason' => get_class($error) . ': ' . $error->getMessage()];
        }
        return ['page' => substr($target, 5), 'reason' => ''];
    }

    private function write(int $id, string $text, string $author): void
    {
        $page = $this->services->getWikiPageFactory()->newFromID($id, WikiPage::READ_LATEST);
        $revision = new MutableRevisionRecord($page->getTitle());
        $revision->setPageId($id);
        $revision->setParentId((int) $page->getLatest());
        $revision->setComment(CommentStoreComment::newUnsavedComment(''));
        $revision->setUser($this->author($author));
        $revision->setContent(SlotRecord::MAIN, ContentHandler::makeContent($text, $page->getTitle(), CONTENT_MODEL_WIKITEXT));
        $revision->setTimestamp(wfTimestampNow());
        $page->updateRevisionOn($this->db, $this->services->getRevisionStore()->insertRevisionOn($revision, $this->db));
    }

    /** Paragraphs are taken out; a page that is left without any goes with its whole past. */
    private function askUnsay(array $question): array
    {
        $target = $this->known('conversation', $question['title']);
        $this->beginTransaction($this->db, __METHOD__);
        $author = $this->services->getActorNormalization()->findActorIdByName($question['nobody'], $this->db);
        $others = $target !== null && $this->db->selectField('revision', '1', ['rev_page' => substr($target, 5), 'rev_actor != ' . (int) $author], __METHOD__);
        if ($target !== null && ($question['text'] !== null || $others)) {
            $this->write((int) substr($target, 5), $question['text'] ?? '', $question['nobody']);
        } elseif ($target !== null) {
            foreach ($this->db->selectFieldValues('revision', 'rev_id', ['rev_page' => substr($target, 5)], __METHOD__) as $revision) {
                $this->removeRevision((int) $revision);
            }
            $this->removePage((int) substr($target, 5));
            $this->db->delete('reversa_map', ['rm_key' => $this->key('conversation', $question['title'])], __METHOD__);
        }
        foreach ($question['records'] as [$kind, $id]) {
            $this->db->delete('reversa_map', ['rm_key' => $this->key($kind, $id)], __METHOD__);
        }
        $this->commitTransaction($this->db, __METHOD__);
        return [];
    }
}
